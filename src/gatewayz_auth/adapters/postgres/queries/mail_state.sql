-- How the outbox stands: how many wait and for how long the oldest has, and how many failed within the last three days.
SELECT
    (SELECT count(*) FROM gatewayz_auth.mail_outbox AS m WHERE m.status = 'waiting') AS waiting,
    (SELECT extract(epoch FROM now() - min(m.created_at))::float8
     FROM gatewayz_auth.mail_outbox AS m WHERE m.status = 'waiting') AS oldest_s,
    (SELECT count(*) FROM gatewayz_auth.mail_outbox AS m
     WHERE m.status = 'failed' AND m.ended_at > now() - interval '3 days') AS failed
