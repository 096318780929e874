-- Changes it where it still is what the change was made from, and writes down who did it; no row: somebody was quicker.
WITH changed AS (
    UPDATE gatewayz_auth.runtime AS r
    SET version = r.version + 1, document = %(document)s::jsonb, changed_at = now()
    WHERE r.version = %(version)s
    RETURNING r.version
), noted AS (
    INSERT INTO gatewayz_auth.audit (who, what, subject, why)
    SELECT %(who)s::text, %(what)s::text, %(subject)s::text, %(why)s::text FROM changed
)
SELECT c.version FROM changed AS c
