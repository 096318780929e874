-- Makes every process forget what it remembers of a user, who stays as they are.
INSERT INTO gatewayz_auth.changes (kind, user_id, privy_user_id, username, takes_away)
SELECT 'user', u.id, u.privy_user_id, gatewayz_auth.name_key(u.username), true
FROM gatewayz_auth.accounts AS a
JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
WHERE a.user_id = %(user_id)s::bigint
RETURNING user_id, privy_user_id, username
