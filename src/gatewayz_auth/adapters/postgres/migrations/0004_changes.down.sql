-- Nothing is noted any more.
DROP TRIGGER d_change_noted ON public.users;
DROP TRIGGER d_gone_noted ON public.users;
DROP TRIGGER d_all_noted ON public.users;
DROP TRIGGER d_all_noted ON public.users_default;
DROP TRIGGER d_key_noted ON public.api_keys;
DROP TRIGGER d_key_change_noted ON public.api_keys;
DROP TRIGGER d_all_noted ON public.api_keys;
DROP TABLE gatewayz_auth.changes;
DROP FUNCTION gatewayz_auth.users_change_noted, gatewayz_auth.keys_change_noted, gatewayz_auth.all_change_noted,
    gatewayz_auth.rank_of_tier;
DELETE FROM gatewayz_auth.schema_version WHERE version = 4;
