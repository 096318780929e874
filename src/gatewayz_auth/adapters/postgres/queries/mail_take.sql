-- Takes mails that are due for a while, past those that others are taking, with whom they go to as it stands now:
-- nobody where they were erased meanwhile, so that this is written down as of any other who has no address.
WITH due AS (
    SELECT m.id
    FROM gatewayz_auth.mail_outbox AS m
    WHERE m.status = 'waiting' AND m.due_at <= now()
    ORDER BY m.due_at
    LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE gatewayz_auth.mail_outbox AS m
    SET attempts = m.attempts + 1, due_at = now() + %(lease_s)s::float8 * interval '1 second'
    FROM due
    WHERE m.id = due.id
    RETURNING m.id, m.user_id, m.kind, m.arguments, m.attempts, m.created_at
)
SELECT t.id AS mail_id, t.user_id, t.kind, t.arguments, t.attempts,
    extract(epoch FROM now() - t.created_at)::float8 AS age_s,
    u.email AS address, coalesce(u.display_name, u.username, '') AS name, coalesce(u.is_active, false) AS is_active
FROM taken AS t
LEFT JOIN gatewayz_auth.accounts AS a ON a.user_id = t.user_id
LEFT JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
ORDER BY t.created_at, t.id
