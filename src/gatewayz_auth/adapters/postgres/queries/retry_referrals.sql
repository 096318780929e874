-- Has failed referrals tried again at once, one or at most so many; how often they failed is forgotten.
UPDATE public.referrals AS r
SET status = 'pending', reason = NULL, attempts = 0, next_try_at = now(), updated_at = now()
FROM (
    SELECT f.id FROM public.referrals AS f
    WHERE f.status = 'failed' AND (%(referral_id)s::bigint IS NULL OR f.id = %(referral_id)s::bigint)
    ORDER BY f.id
    LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
) AS failed
WHERE r.id = failed.id
RETURNING r.id AS referral_id
