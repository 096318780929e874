-- A user's keys, newest first, revoked ones included; never what could be used.
SELECT k.id AS key_id, k.user_id, k.environment_tag, k.is_primary, k.prefix, k.digest_key_id, k.created_at, k.revoked_at,
    k.last_used_at
FROM public.api_keys AS k
WHERE k.user_id = %(user_id)s::bigint
ORDER BY k.created_at DESC, k.id
