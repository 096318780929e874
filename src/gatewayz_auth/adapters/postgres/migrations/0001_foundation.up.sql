-- The schema that is ours alone: its version, how names are compared, and who may touch anything.
-- Runs with: psql -1 -v ON_ERROR_STOP=1 -f 0001_foundation.up.sql

CREATE SCHEMA gatewayz_auth;
COMMENT ON SCHEMA gatewayz_auth IS 'Sign-in: registry, functions and book-keeping. Nothing in here is for other programs.';

CREATE TABLE gatewayz_auth.schema_version (
    version integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- Secrets are checked against this at start: a wrong keyring is said then, not at the first sign-in.
CREATE TABLE gatewayz_auth.canary (
    key text PRIMARY KEY,
    value bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- How e-mails and usernames are compared: NFKC, lower case of all scripts whatever the database's locale, '' is none.
-- The collation is the best that this server has; the C locale alone would leave letters beyond ASCII as they are.
DO $do$
DECLARE
    v_collation text := (
        SELECT format('COLLATE pg_catalog.%I', c.collname)
        FROM pg_catalog.pg_collation AS c
        WHERE c.collname IN ('pg_c_utf8', 'und-x-icu') AND c.collnamespace = 'pg_catalog'::regnamespace
        ORDER BY c.collname LIMIT 1);
BEGIN
    EXECUTE format($sql$
        CREATE FUNCTION gatewayz_auth.name_key(p_name text) RETURNS text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN nullif(normalize(lower(normalize(p_name, NFKC) %1$s), NFKC), '')
    $sql$, coalesce(v_collation, ''));
END
$do$;

-- Closes every door of ours to PUBLIC and to the roles that Supabase serves to the world, default privileges of the
-- platform notwithstanding. Runs at the end of every migration, of every new partition and of every `migrate`.
CREATE FUNCTION gatewayz_auth.close_doors() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_do text;
BEGIN
    FOR v_do IN
        WITH RECURSIVE relations AS (
            SELECT c.oid FROM pg_class AS c
            WHERE c.relnamespace = 'gatewayz_auth'::regnamespace
               OR c.oid IN (to_regclass('public.users'), to_regclass('public.api_keys'),
                            to_regclass('public.referrals'), to_regclass('public.credit_entries'))
            UNION
            SELECT i.inhrelid FROM relations AS r JOIN pg_inherits AS i ON i.inhparent = r.oid
        ), tables AS (
            SELECT c.* FROM relations AS r JOIN pg_class AS c ON c.oid = r.oid WHERE c.relkind IN ('r', 'p')
        ), sequences AS (
            SELECT DISTINCT c.* FROM tables AS t
            JOIN pg_depend AS d ON d.refobjid = t.oid AND d.refclassid = 'pg_class'::regclass
                AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
            JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'S'
        ), objects (name, type, acl) AS (
            SELECT oid::regclass::text, 'TABLE', coalesce(relacl, acldefault('r', relowner)) FROM tables
            UNION ALL
            SELECT oid::regclass::text, 'SEQUENCE', coalesce(relacl, acldefault('s', relowner)) FROM sequences
            UNION ALL
            SELECT oid::regprocedure::text, 'FUNCTION', coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
            WHERE pronamespace = 'gatewayz_auth'::regnamespace
            UNION ALL
            SELECT nspname, 'SCHEMA', coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
            WHERE nspname = 'gatewayz_auth'
        ), strangers (id, name) AS (
            SELECT 0::oid, 'PUBLIC'
            UNION ALL
            SELECT oid, quote_ident(rolname) FROM pg_roles WHERE rolname IN ('anon', 'authenticated')
        )
        SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', oid::regclass) FROM tables WHERE NOT relrowsecurity
        UNION ALL
        SELECT DISTINCT format('REVOKE ALL ON %s %s FROM %s', o.type, o.name, s.name)
        FROM objects AS o CROSS JOIN aclexplode(o.acl) AS a JOIN strangers AS s ON s.id = a.grantee
    LOOP
        EXECUTE v_do;
    END LOOP;
END
$$;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (1, 'foundation');
SELECT gatewayz_auth.close_doors();
