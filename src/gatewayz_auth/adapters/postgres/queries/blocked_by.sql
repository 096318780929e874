-- Who keeps one session waiting, and for what; what they typed is left out, it may name people.
SELECT b.pid, coalesce(nullif(b.application_name, ''), 'an unnamed program') AS program, b.state,
    extract(epoch FROM clock_timestamp() - b.state_change)::float8 AS state_s,
    w.locktype = 'advisory' AS is_migration, w.relation::regclass::text AS relation
FROM unnest(pg_blocking_pids(%(pid)s::integer)) AS u (pid)
JOIN pg_stat_activity AS b ON b.pid = u.pid
LEFT JOIN LATERAL (
    SELECT k.locktype, k.relation FROM pg_locks AS k WHERE k.pid = %(pid)s::integer AND NOT k.granted LIMIT 1
) AS w ON true
ORDER BY cardinality(pg_blocking_pids(b.pid)), b.state_change LIMIT 5
