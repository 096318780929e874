-- Takes away what everybody has long been able to see: at most max_rows, never waiting for another process that trims.
WITH old AS (
    SELECT ch.id
    FROM gatewayz_auth.changes AS ch
    WHERE ch.xact < pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
    ORDER BY ch.xact
    LIMIT %(max_rows)s::integer
    FOR UPDATE SKIP LOCKED
)
DELETE FROM gatewayz_auth.changes AS ch USING old WHERE ch.id = old.id
