-- Ends a key for good; the row where it exists, with the time of the first revocation.
UPDATE public.api_keys AS k
SET revoked_at = coalesce(k.revoked_at, now())
WHERE k.id = %(key_id)s::uuid
RETURNING k.id AS key_id, k.user_id, k.environment_tag, k.revoked_at
