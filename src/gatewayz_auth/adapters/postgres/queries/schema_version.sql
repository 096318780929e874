-- The newest migration that this database has had, 0 where none.
SELECT coalesce(max(v.version), 0) AS version FROM gatewayz_auth.schema_version AS v
