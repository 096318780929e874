-- The account of a user id: one or none.
SELECT u.id AS user_id, u.region, u.privy_user_id, u.username, u.display_name, u.auth_method, u.email, u.claimed_email,
    u.phone_number, u.claimed_phone_number, u.credits, u.tier, u.subscription_status, u.trial_expires_at,
    u.subscription_end_date, u.is_guest, u.is_active, u.created_at, u.last_sign_in_at
FROM gatewayz_auth.accounts AS a
JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
WHERE a.user_id = %(user_id)s::bigint
