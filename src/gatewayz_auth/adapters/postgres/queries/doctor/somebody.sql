-- The Privy id of anybody, to look up as a sign-in would; it is not printed.
SELECT u.privy_user_id FROM public.users AS u WHERE u.privy_user_id IS NOT NULL AND u.is_active LIMIT 1
