-- Lets a user in or keeps them out: the row where they exist, changed only where that is a change.
UPDATE public.users AS u
SET is_active = %(is_active)s::boolean
FROM gatewayz_auth.accounts AS a
WHERE a.user_id = %(user_id)s::bigint AND u.id = a.user_id AND u.region = a.region
RETURNING u.id AS user_id, u.privy_user_id, u.username
