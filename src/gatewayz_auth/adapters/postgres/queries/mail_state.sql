-- How the outbox stands: how many wait and for how long the oldest has, and how many failed within the last three days.
-- Counts up to a thousand, in the order of an index, so that it costs the same however much there is.
SELECT
    (SELECT count(*) FROM (
        SELECT FROM gatewayz_auth.mail_outbox AS m WHERE m.status = 'waiting' ORDER BY m.created_at LIMIT 1000) AS w)
        AS waiting,
    (SELECT extract(epoch FROM now() - m.created_at)::float8
     FROM gatewayz_auth.mail_outbox AS m WHERE m.status = 'waiting' ORDER BY m.created_at LIMIT 1) AS oldest_s,
    (SELECT count(*) FROM (
        SELECT FROM gatewayz_auth.mail_outbox AS m
        WHERE m.status = 'failed' AND m.ended_at > now() - interval '3 days' ORDER BY m.ended_at LIMIT 1000) AS f)
        AS failed
