-- What became of a user's referrals: their living code, its uses by status (deleted codes too), what they have earned.
WITH codes AS (
    SELECT c.code, c.deleted_at
    FROM gatewayz_auth.referral_codes AS c
    WHERE c.user_id = %(user_id)s::bigint
), used AS (
    SELECT r.id, r.status
    FROM public.referrals AS r
    WHERE r.referrer_user_id = %(user_id)s::bigint
    UNION
    SELECT r.id, r.status
    FROM public.referrals AS r JOIN codes AS c ON c.code = r.referral_code
    WHERE r.referrer_user_id IS NULL
)
SELECT
    (SELECT c.code FROM codes AS c WHERE c.deleted_at IS NULL) AS code,
    (SELECT count(*) FROM used AS u WHERE u.status = 'pending') AS pending,
    (SELECT count(*) FROM used AS u WHERE u.status = 'rewarded') AS rewarded,
    (SELECT count(*) FROM used AS u WHERE u.status = 'refused') AS refused,
    (SELECT count(*) FROM used AS u WHERE u.status = 'failed') AS failed,
    (SELECT count(*) FROM used AS u WHERE u.status = 'reversed') AS reversed,
    (SELECT coalesce(sum(e.amount), 0)
     FROM public.credit_entries AS e
     WHERE e.user_id = %(user_id)s::bigint AND e.kind LIKE 'referrer%%') AS earned
