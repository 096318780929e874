-- Bounds the statements that follow in the same pipeline, and nobody else's: through a transaction pooler too.
SELECT set_config('statement_timeout', %(limit_ms)s::text, true)
