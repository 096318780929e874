-- Takes away what everybody has long been able to see: at most max_rows, never waiting for another process that trims.
-- What took something away stays for as long as an older answer may be given to anybody. Says how many went.
WITH old AS (
    SELECT ch.id
    FROM gatewayz_auth.changes AS ch
    WHERE ch.xact < pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
        AND (NOT ch.takes_away OR ch.at < now() - make_interval(secs => %(taken_s)s::float8))
    ORDER BY ch.xact
    LIMIT %(max_rows)s::integer
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM gatewayz_auth.changes AS ch USING old WHERE ch.id = old.id RETURNING 1
)
SELECT count(*) AS trimmed FROM gone
