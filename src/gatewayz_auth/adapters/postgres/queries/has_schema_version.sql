-- Whether this database was ever migrated. Asks the tables themselves: a name look-up may answer from a stale cache.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'gatewayz_auth' AND c.relname = 'schema_version'
) AS is_there
