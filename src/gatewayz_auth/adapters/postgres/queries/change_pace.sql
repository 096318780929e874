-- How often people's data changes: changes of the last five minutes, and how many people there are, as the statistics say.
SELECT (SELECT count(*) FROM gatewayz_auth.changes AS c WHERE c.at > now() - interval '5 minutes') AS changes,
       (SELECT greatest(0, reltuples)::bigint FROM pg_class WHERE oid = 'gatewayz_auth.accounts'::regclass) AS people
