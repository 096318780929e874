-- Takes away what everybody has long been able to see: at most max_rows of each kind, waiting for nobody who trims.
-- What took something away stays for as long as an older answer may be given to anybody. Says how many went.
-- In two parts, each by an index of its own: a million takings of one statement stay for a day, and are not passed by.
WITH given AS (
    SELECT ch.id
    FROM gatewayz_auth.changes AS ch
    WHERE NOT ch.takes_away AND ch.xact < pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
    ORDER BY ch.xact
    LIMIT %(max_rows)s::integer
    FOR UPDATE SKIP LOCKED
), taken AS (
    SELECT ch.id
    FROM gatewayz_auth.changes AS ch
    WHERE ch.takes_away AND ch.at < now() - make_interval(secs => %(taken_s)s::float8)
        AND ch.xact < pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
    ORDER BY ch.at
    LIMIT %(max_rows)s::integer
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM gatewayz_auth.changes AS ch
    WHERE ch.id = ANY (ARRAY(SELECT g.id FROM given AS g UNION ALL SELECT t.id FROM taken AS t))
    RETURNING 1
)
SELECT count(*) AS trimmed FROM gone
