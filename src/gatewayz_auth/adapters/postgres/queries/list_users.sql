-- People in the order of their ids, from behind one on.
SELECT u.id AS user_id, u.region, u.privy_user_id, u.username, u.is_active, u.created_at, u.last_sign_in_at
FROM gatewayz_auth.accounts AS a
JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
WHERE a.user_id > %(after)s::bigint
ORDER BY a.user_id
LIMIT %(most)s::integer
