-- What the server is, for how long it is up (the founding document's question), what it says of this session.
SELECT current_setting('server_version_num')::integer AS version_num,
    current_setting('server_version') AS version,
    extract(epoch FROM now() - pg_postmaster_start_time())::float8 AS uptime_s,
    extract(epoch FROM clock_timestamp())::float8 AS clock_s,
    pg_is_in_recovery() AS is_replica,
    current_setting('transaction_read_only')::boolean AS is_read_only,
    extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8 AS replay_age_s,
    pg_backend_pid() AS backend_pid,
    pg_has_role(current_user, 'pg_monitor', 'usage')
        OR (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) AS sees_all,
    current_setting('default_transaction_isolation') AS isolation
