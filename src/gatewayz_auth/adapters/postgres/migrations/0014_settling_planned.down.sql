-- A set of referrals is planned anew each time again.
ALTER FUNCTION gatewayz_auth.settle_referrals(integer, numeric, numeric, integer, integer, bigint, bigint)
    RESET plan_cache_mode;

CREATE OR REPLACE FUNCTION gatewayz_auth.mailbox(p_email text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN p.domain IN ('gmail.com', 'googlemail.com') THEN replace(p.local, '.', '') || '@gmail.com'
        ELSE p.local || '@' || p.domain END
    FROM (SELECT split_part(regexp_replace(p_email, '@[^@]*$', ''), '+', 1) AS local,
                 substring(p_email FROM '[^@]*$') AS domain) AS p
$$;

DELETE FROM gatewayz_auth.schema_version WHERE version = 14;
