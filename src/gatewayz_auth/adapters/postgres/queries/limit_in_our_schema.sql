-- Bounds the statements that follow in the same pipeline, and has them find the queue's tables by their bare names.
SELECT set_config('statement_timeout', %(limit_ms)s::text, true),
    set_config('search_path', 'gatewayz_auth, pg_catalog, pg_temp', true)
