-- Whether a server has another history is told by its numbers alone again.
DROP FUNCTION gatewayz_auth.history();

DELETE FROM gatewayz_auth.schema_version WHERE version = 16;
