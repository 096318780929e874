-- Connections by user, with the limits of server, database and user; a limit of -1 is none.
SELECT coalesce(a.usename, '(server)')::text AS username, count(*) AS connections,
    sum(count(*)) OVER () AS all_connections,
    current_setting('max_connections')::integer
        - current_setting('superuser_reserved_connections')::integer AS server_limit,
    (SELECT d.datconnlimit FROM pg_database AS d WHERE d.datname = current_database()) AS database_limit,
    coalesce((SELECT r.rolconnlimit FROM pg_roles AS r WHERE r.rolname = a.usename), -1) AS user_limit,
    sum(count(*) FILTER (WHERE a.datname = current_database())) OVER () AS database_connections,
    coalesce(a.usename = current_user, false) AS is_ours
FROM pg_stat_activity AS a
WHERE a.backend_type = 'client backend'
GROUP BY a.usename
ORDER BY count(*) DESC, 1
LIMIT 20
