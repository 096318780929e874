-- What operators did to any of these, newest first, whatever else they did since.
SELECT a.id, a.at, a.who, a.what, a.subject, a.why FROM gatewayz_auth.audit AS a
WHERE a.subject = ANY (%(subjects)s::text[])
ORDER BY a.id DESC LIMIT %(most)s::integer
