-- Tables with many dead rows, which every scan and every index carries on.
SELECT t.relid::regclass::text AS relation, t.n_dead_tup AS dead_rows, t.n_live_tup AS live_rows,
    extract(epoch FROM now() - greatest(t.last_vacuum, t.last_autovacuum))::float8 AS vacuumed_s
FROM pg_stat_user_tables AS t
WHERE t.schemaname IN ('public', 'gatewayz_auth') AND t.n_dead_tup >= %(rows)s
  AND t.n_dead_tup > (t.n_live_tup + t.n_dead_tup) * %(share)s
ORDER BY t.n_dead_tup DESC
LIMIT 5
