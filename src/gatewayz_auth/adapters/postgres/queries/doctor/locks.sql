-- Who blocks whom, on which table, for how long; what is typed is left out, it may name people.
SELECT w.pid AS waiting_pid, w.usename::text AS waiting_user, b.pid AS blocking_pid, b.usename::text AS blocking_user,
    coalesce(nullif(b.application_name, ''), 'an unnamed program') AS blocking_program, b.state AS blocking_state,
    extract(epoch FROM clock_timestamp() - b.state_change)::float8 AS blocking_state_s,
    extract(epoch FROM clock_timestamp() - coalesce(l.waitstart, w.query_start))::float8 AS waits_s,
    CASE WHEN l.relation IS NULL THEN 'a row' ELSE l.relation::regclass::text END AS relation, l.mode
FROM pg_stat_activity AS w
CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS u (pid)
JOIN pg_stat_activity AS b ON b.pid = u.pid
LEFT JOIN LATERAL (
    SELECT k.waitstart, k.mode,
        coalesce(
            k.relation, (SELECT t.relation FROM pg_locks AS t WHERE t.pid = w.pid AND t.locktype = 'tuple' LIMIT 1)
        ) AS relation
    FROM pg_locks AS k WHERE k.pid = w.pid AND NOT k.granted ORDER BY k.waitstart LIMIT 1
) AS l ON true
WHERE w.datname = current_database() AND cardinality(pg_blocking_pids(w.pid)) > 0
ORDER BY waits_s DESC NULLS LAST
LIMIT 20
