-- The key of one of these digests, with whom it belongs to: one or none, revoked ones included.
SELECT k.id AS key_id, k.environment_tag, k.prefix AS key_prefix, k.digest_key_id AS key_digest_key_id,
    k.sealed AS key_sealed, k.owner_tag AS key_owner_tag, k.revoked_at IS NOT NULL AS is_revoked,
    u.id AS user_id, u.privy_user_id, u.tier, u.is_active
FROM public.api_keys AS k
JOIN gatewayz_auth.accounts AS a ON a.user_id = k.user_id
JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
WHERE k.digest = ANY (%(digests)s::bytea[])
LIMIT 1
