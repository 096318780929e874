-- What the account's row does not say of a person: the last sign-in, the referrals both ways, the codes, the ledger.
SELECT (SELECT u.last_sign_in_at FROM gatewayz_auth.accounts AS a
        JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
        WHERE a.user_id = %(user_id)s::bigint) AS last_sign_in_at,
    (SELECT coalesce(jsonb_agg(to_jsonb(r) - 'attempts' ORDER BY r.id DESC), '[]') FROM (
        SELECT * FROM public.referrals AS r
        WHERE r.referrer_user_id = %(user_id)s::bigint OR r.referred_user_id = %(user_id)s::bigint
        ORDER BY r.id DESC LIMIT %(most)s::integer) AS r) AS referrals,
    (SELECT coalesce(jsonb_agg(c.code ORDER BY c.created_at DESC), '[]') FROM gatewayz_auth.referral_codes AS c
        WHERE c.user_id = %(user_id)s::bigint AND c.deleted_at IS NULL) AS codes,
    (SELECT coalesce(jsonb_agg(to_jsonb(e) ORDER BY e.id DESC), '[]') FROM (
        SELECT e.id, e.amount, e.kind, e.reference, e.created_at FROM public.credit_entries AS e
        WHERE e.user_id = %(user_id)s::bigint ORDER BY e.id DESC LIMIT %(most)s::integer) AS e) AS ledger
