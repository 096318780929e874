-- Where a reader of changes stands now: everything that is visible in this snapshot it need not be told.
SELECT pg_postmaster_start_time()::text AS era, pg_current_snapshot()::text AS snapshot, now() AS at,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon
