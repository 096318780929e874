-- Sessions that hold a transaction open and do nothing; what they typed is left out.
SELECT a.pid, a.usename::text AS username, coalesce(nullif(a.application_name, ''), 'an unnamed program') AS program,
    extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS idle_s
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
  AND a.state IN ('idle in transaction', 'idle in transaction (aborted)')
  AND clock_timestamp() - a.state_change >= make_interval(secs => %(at_least_s)s)
ORDER BY idle_s DESC
LIMIT 10
