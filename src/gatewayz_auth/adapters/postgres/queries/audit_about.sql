-- What operators did to any of these, newest first, whatever else they did since.
SELECT e.id, e.at, e.who, e.what, e.subject, e.why
FROM (SELECT DISTINCT n.subject FROM unnest(%(subjects)s::text[]) AS n (subject)) AS s
CROSS JOIN LATERAL (
    SELECT a.id, a.at, a.who, a.what, a.subject, a.why FROM gatewayz_auth.audit AS a
    WHERE a.subject = s.subject
    ORDER BY a.id DESC LIMIT %(most)s::integer
) AS e
ORDER BY e.id DESC LIMIT %(most)s::integer
