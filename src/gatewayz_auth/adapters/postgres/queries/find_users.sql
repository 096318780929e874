-- People whose username, Privy id or verified e-mail begins with a text, in the order of their names.
SELECT u.id AS user_id, u.region, u.privy_user_id, u.username, u.is_active, u.created_at, u.last_sign_in_at
FROM (
    SELECT DISTINCT ON (i.user_id) i.user_id, i.region, i.subject
    FROM gatewayz_auth.identities AS i
    WHERE (i.kind = 'privy' AND starts_with(i.subject, %(text)s::text))
        OR (i.kind IN ('username', 'email') AND starts_with(i.subject, gatewayz_auth.name_key(%(text)s::text)))
    ORDER BY i.user_id, i.subject
) AS i
JOIN public.users AS u ON u.id = i.user_id AND u.region = i.region
ORDER BY u.username, u.id
LIMIT %(most)s::integer
