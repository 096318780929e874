-- Indexes of ours that are there, and whether the planner may use them.
SELECT c.relname::text AS name, i.indrelid::regclass::text AS relation, i.indisvalid AS is_valid
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'gatewayz_auth')
