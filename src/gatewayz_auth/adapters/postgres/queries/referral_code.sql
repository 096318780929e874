-- A user's living code, made of the drawn one where there is none: no row where somebody else was quicker, or has it.
WITH known AS (
    SELECT c.code
    FROM gatewayz_auth.referral_codes AS c
    WHERE c.user_id = %(user_id)s::bigint AND c.deleted_at IS NULL
), made AS (
    INSERT INTO gatewayz_auth.referral_codes (code, user_id)
    SELECT %(drawn)s::text, a.user_id
    FROM gatewayz_auth.accounts AS a
    WHERE a.user_id = %(user_id)s::bigint AND NOT EXISTS (SELECT FROM known)
    ON CONFLICT DO NOTHING
    RETURNING code
)
SELECT code FROM known UNION ALL SELECT code FROM made
