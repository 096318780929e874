-- Indexes that no query has used since the figures began, that no constraint needs, and that are not small.
SELECT s.indexrelid::regclass::text AS name, s.indexrelname::text AS bare_name, s.relid::regclass::text AS relation,
    pg_relation_size(s.indexrelid) AS bytes
FROM pg_stat_user_indexes AS s
JOIN pg_index AS i ON i.indexrelid = s.indexrelid
WHERE s.schemaname IN ('public', 'gatewayz_auth') AND s.idx_scan = 0 AND NOT i.indisunique
  AND pg_relation_size(s.indexrelid) >= %(bytes)s
  AND NOT EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = s.indexrelid)
ORDER BY bytes DESC
LIMIT 5
