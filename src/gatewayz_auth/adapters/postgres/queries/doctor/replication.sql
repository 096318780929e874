-- How far replicas are behind, and slots that keep the log for nobody.
SELECT 'replica' AS kind, coalesce(nullif(r.application_name, ''), 'replica') AS name,
    coalesce(extract(epoch FROM r.replay_lag), 0)::float8 AS lag_s,
    coalesce(pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() END, r.replay_lsn), 0)::float8 AS bytes
FROM pg_stat_replication AS r
UNION ALL
SELECT 'slot', s.slot_name::text, 0,
    coalesce(pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() END, s.restart_lsn), 0)::float8
FROM pg_replication_slots AS s WHERE NOT s.active
