-- Tables that are read from end to end although they are large: where an index is missing.
SELECT t.relid::regclass::text AS relation, t.seq_scan, t.seq_tup_read, t.n_live_tup
FROM pg_stat_user_tables AS t
WHERE t.schemaname IN ('public', 'gatewayz_auth') AND t.n_live_tup >= %(rows)s AND t.seq_scan >= %(scans)s
  AND t.seq_tup_read / t.seq_scan >= %(rows)s / 2 AND t.seq_scan > coalesce(t.idx_scan, 0) / 10
ORDER BY t.seq_tup_read DESC
LIMIT 5
