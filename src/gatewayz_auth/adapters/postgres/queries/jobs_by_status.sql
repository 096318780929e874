-- The newest ten thousand referrals and jobs of the queue by status, and for how long no worker has been heard of.
SELECT
    (SELECT coalesce(jsonb_object_agg(s.status, s.count), '{}')
     FROM (
         SELECT r.status, count(*) AS count
         FROM (SELECT n.status FROM public.referrals AS n ORDER BY n.id DESC LIMIT 10000) AS r
         GROUP BY r.status
     ) AS s) AS referrals,
    (SELECT coalesce(jsonb_object_agg(s.status, s.count), '{}')
     FROM (
         SELECT j.status, count(*) AS count
         FROM (SELECT n.status FROM gatewayz_auth.procrastinate_jobs AS n ORDER BY n.id DESC LIMIT 10000) AS j
         GROUP BY j.status
     ) AS s) AS queue,
    (SELECT extract(epoch FROM now() - max(w.last_heartbeat))::float8
     FROM gatewayz_auth.procrastinate_workers AS w) AS worker_silent_s
