-- How the background work stands; counts up to a thousand, so that it costs the same however much waits.
SELECT
    (SELECT extract(epoch FROM now() - r.created_at)::float8 FROM public.referrals AS r WHERE r.status = 'pending'
        ORDER BY r.id LIMIT 1) AS oldest_pending_s,
    (SELECT count(*) FROM (SELECT FROM public.referrals AS r WHERE r.status = 'pending' LIMIT 1000) AS p) AS pending,
    (SELECT count(*) FROM (SELECT FROM public.referrals AS r WHERE r.status = 'failed' LIMIT 1000) AS f)
        + (SELECT count(*) FROM (SELECT FROM gatewayz_auth.procrastinate_jobs AS j WHERE j.status = 'failed' LIMIT 1000)
            AS f) AS failed,
    (SELECT count(*) FROM gatewayz_auth.procrastinate_workers AS w
        WHERE w.last_heartbeat > now() - make_interval(secs => %(silent_s)s::float8)) AS workers
