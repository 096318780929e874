-- Where a reader of changes stands now, what was taken from people of late, and what else changed since it last read.
-- However many changes there are, max_rows of each are looked at: a reading that takes too long is never made again.
-- A server whose backend was killed begins anew and keeps its start time; its statistics begin anew too. A replica that
-- takes over keeps both.
WITH here AS (
    SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()),
            extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()), pg_is_in_recovery()) AS era,
        pg_current_snapshot() AS snapshot, now() AS at
)
SELECT here.era, here.snapshot::text AS snapshot, here.at, pg_snapshot_xmin(here.snapshot)::text::bigint AS horizon,
    h.system, h.timeline, c.xact, c.kind, c.user_id, c.privy_user_id, c.username, c.takes_away
FROM here
CROSS JOIN gatewayz_auth.history() AS h
LEFT JOIN LATERAL (
    (
        SELECT ch.xact::text::bigint AS xact, ch.kind, ch.user_id, ch.privy_user_id, ch.username, ch.takes_away
        FROM gatewayz_auth.changes AS ch
        WHERE ch.takes_away
        ORDER BY ch.xact DESC
        LIMIT %(max_rows)s::integer
    )
    UNION ALL
    (
        SELECT since.xact::text::bigint, since.kind, since.user_id, since.privy_user_id, since.username, false
        FROM (
            SELECT ch.*
            FROM gatewayz_auth.changes AS ch
            WHERE ch.xact >= coalesce(%(since)s::bigint::text::xid8, pg_snapshot_xmin(here.snapshot))
            ORDER BY ch.xact DESC
            LIMIT %(max_rows)s::integer
        ) AS since
        WHERE NOT since.takes_away
    )
) AS c ON true
ORDER BY c.xact DESC
