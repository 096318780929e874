-- The slowest statements, as pg_stat_statements keeps them: without the values.
SELECT s.query, s.mean_exec_time::float8 AS mean_ms, s.calls
FROM pg_stat_statements AS s
WHERE s.dbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
  AND s.mean_exec_time >= %(mean_ms)s AND s.calls >= %(calls)s
  AND s.query ~* '^\s*(select|insert|update|delete|with|merge)\M' AND s.query !~* 'pg_stat_|pg_catalog|pg_sleep'
ORDER BY s.mean_exec_time DESC
LIMIT 5
