-- Takes all keys and referrals away.
DROP TABLE public.api_keys, public.referrals;
DELETE FROM gatewayz_auth.schema_version WHERE version = 3;
