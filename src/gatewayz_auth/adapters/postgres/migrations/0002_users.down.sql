-- Takes all people away.
DROP TABLE public.credit_entries;
DROP TABLE public.users;
DROP TABLE gatewayz_auth.identities, gatewayz_auth.accounts;
DROP FUNCTION gatewayz_auth.make_partition, gatewayz_auth.users_truncated, gatewayz_auth.users_deleted,
    gatewayz_auth.add_credits, gatewayz_auth.users_credits_changed, gatewayz_auth.users_names_changed,
    gatewayz_auth.users_inserted, gatewayz_auth.claim_names, gatewayz_auth.users_normalise;
DELETE FROM gatewayz_auth.schema_version WHERE version = 2;
