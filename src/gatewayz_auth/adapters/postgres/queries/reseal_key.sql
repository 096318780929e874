-- Puts a key under the newest secret, unless somebody else has done so meanwhile or has revoked it.
UPDATE public.api_keys
SET digest = %(digest)s::bytea, digest_key_id = %(digest_key_id)s::text, sealed = %(sealed)s::bytea
WHERE id = %(key_id)s::uuid AND sealed = %(old_sealed)s::bytea AND revoked_at IS NULL
RETURNING id
