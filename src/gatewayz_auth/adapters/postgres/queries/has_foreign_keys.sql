-- Whether there is a key in use that none of these secrets has sealed.
SELECT EXISTS (
    SELECT FROM public.api_keys AS k WHERE k.revoked_at IS NULL AND k.digest_key_id <> ALL (%(key_ids)s::text[])
) AS has_foreign
