-- Referrals, newest first, of a status where one is given, older than an id where one is given.
SELECT r.id AS referral_id, r.referrer_user_id, r.referred_user_id, r.referral_code, r.status, r.reason, r.attempts,
    r.created_at, r.settled_at, r.next_try_at
FROM public.referrals AS r
WHERE (%(status)s::text IS NULL OR r.status = %(status)s::text)
    AND (%(before_id)s::bigint IS NULL OR r.id < %(before_id)s::bigint)
    AND (%(referral_id)s::bigint IS NULL OR r.id = %(referral_id)s::bigint)
ORDER BY r.id DESC
LIMIT %(limit)s::integer
