-- Whether the log is archived, when that last worked, and when it last failed.
SELECT current_setting('archive_mode') <> 'off' AS is_on,
    extract(epoch FROM now() - a.last_archived_time)::float8 AS archived_s,
    extract(epoch FROM now() - a.last_failed_time)::float8 AS failed_s
FROM pg_stat_archiver AS a
