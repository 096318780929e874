-- Lets the statements that follow in the same pipeline find names in one more schema.
SELECT set_config('search_path', quote_ident(%(schema)s::text), true)
