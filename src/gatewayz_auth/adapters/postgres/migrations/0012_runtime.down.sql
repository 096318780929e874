-- Takes away what was changed while running: the settings of the environment hold again.
DROP TABLE gatewayz_auth.runtime;
DELETE FROM gatewayz_auth.schema_version WHERE version = 12;
