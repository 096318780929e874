-- What operators did last, newest first.
SELECT a.id, a.at, a.who, a.what, a.subject, a.why FROM gatewayz_auth.audit AS a ORDER BY a.id DESC
LIMIT %(most)s::integer
