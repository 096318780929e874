-- Takes everything of ours that is not in public away, the record of versions included.
DROP SCHEMA gatewayz_auth CASCADE;
