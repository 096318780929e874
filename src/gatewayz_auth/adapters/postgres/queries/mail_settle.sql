-- Writes down what became of mails that were taken, where nobody else has taken them since.
UPDATE gatewayz_auth.mail_outbox AS m
SET status = e.status,
    reason = e.reason,
    attempts = m.attempts - CASE WHEN e.is_counted THEN 0 ELSE 1 END,
    due_at = now() + e.due_in_s * interval '1 second',
    ended_at = CASE WHEN e.status <> 'waiting' THEN now() END,
    arguments = CASE WHEN e.status = 'waiting' THEN m.arguments ELSE '{}' END
FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[], %(statuses)s::text[], %(reasons)s::text[],
            %(due_in_s)s::float8[], %(is_counted)s::boolean[])
    AS e (id, attempts, status, reason, due_in_s, is_counted)
WHERE m.id = e.id AND m.attempts = e.attempts AND m.status = 'waiting'
