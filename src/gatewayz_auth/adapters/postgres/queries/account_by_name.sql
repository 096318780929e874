-- The account that goes by a name of a kind (privy, email, username): one or none.
SELECT u.id AS user_id, u.region, u.privy_user_id, u.username, u.display_name, u.auth_method, u.email, u.claimed_email,
    u.phone_number, u.claimed_phone_number, u.credits, u.tier, u.subscription_status, u.trial_expires_at,
    u.subscription_end_date, u.is_guest, u.is_active, u.created_at, u.last_sign_in_at
FROM gatewayz_auth.identities AS i
JOIN public.users AS u ON u.id = i.user_id AND u.region = i.region
WHERE i.kind = %(kind)s::text
    AND i.subject = CASE %(kind)s::text WHEN 'privy' THEN %(name)s::text ELSE gatewayz_auth.name_key(%(name)s::text) END
