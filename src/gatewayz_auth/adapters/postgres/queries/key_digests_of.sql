-- The digests of all keys that an account ever had, revoked ones included.
SELECT k.digest FROM public.api_keys AS k WHERE k.user_id = %(user_id)s::bigint
