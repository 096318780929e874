-- What the reader's last snapshot could not see, and where it stands now; one row without a kind where that is nothing.
WITH here AS (
    SELECT pg_postmaster_start_time()::text AS era, pg_current_snapshot() AS snapshot, now() AS at
)
SELECT here.era, here.snapshot::text AS snapshot, here.at,
    (here.era <> %(era)s::text
        OR here.at > %(at)s::timestamptz + make_interval(secs => %(max_age_s)s::float8)
        OR pg_snapshot_xmax(here.snapshot) < pg_snapshot_xmax(%(snapshot)s::pg_snapshot)) AS is_gap,
    c.id, c.kind, c.user_id, c.privy_user_id, c.username
FROM here
LEFT JOIN LATERAL (
    SELECT ch.id, ch.kind, ch.user_id, ch.privy_user_id, ch.username
    FROM gatewayz_auth.changes AS ch
    WHERE ch.xact >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
        AND NOT pg_visible_in_snapshot(ch.xact, %(snapshot)s::pg_snapshot)
    ORDER BY ch.xact
    LIMIT %(max_rows)s::integer
) AS c ON true
