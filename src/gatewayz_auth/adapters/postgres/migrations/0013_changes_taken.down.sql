-- Readers of changes look through all of them again.
DROP INDEX IF EXISTS gatewayz_auth.changes_taken;

DELETE FROM gatewayz_auth.schema_version WHERE version = 13;
