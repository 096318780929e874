-- What the reader's last snapshot could not see, and where it stands now; one row without a kind where that is nothing.
-- Asked in two parts, each by the index: a transaction that writes for long holds back the snapshot's lower end, and
-- all that was changed since it began would be looked through each time.
-- A server whose backend was killed begins anew and keeps its start time; its statistics begin anew too. A replica that
-- takes over keeps both.
WITH here AS (
    SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()),
            extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()), pg_is_in_recovery()) AS era,
        pg_current_snapshot() AS snapshot, now() AS at
)
SELECT here.era, here.snapshot::text AS snapshot, here.at, pg_snapshot_xmin(here.snapshot)::text::bigint AS horizon,
    (here.era <> %(era)s::text
        OR here.at > %(at)s::timestamptz + make_interval(secs => %(max_age_s)s::float8)
        OR pg_snapshot_xmax(here.snapshot) < pg_snapshot_xmax(%(snapshot)s::pg_snapshot)) AS is_gap,
    c.xact::text::bigint AS xact, c.kind, c.user_id, c.privy_user_id, c.username, c.takes_away
FROM here
LEFT JOIN LATERAL (
    (
        SELECT ch.xact, ch.kind, ch.user_id, ch.privy_user_id, ch.username, ch.takes_away
        FROM gatewayz_auth.changes AS ch
        WHERE ch.xact >= pg_snapshot_xmax(%(snapshot)s::pg_snapshot)
        ORDER BY ch.xact
        LIMIT %(max_rows)s::integer
    )
    UNION ALL
    (
        SELECT ch.xact, ch.kind, ch.user_id, ch.privy_user_id, ch.username, ch.takes_away
        FROM gatewayz_auth.changes AS ch
        WHERE ch.xact = ANY (ARRAY(SELECT pg_snapshot_xip(%(snapshot)s::pg_snapshot)))
        ORDER BY ch.xact
        LIMIT %(max_rows)s::integer
    )
) AS c ON true
ORDER BY c.xact
