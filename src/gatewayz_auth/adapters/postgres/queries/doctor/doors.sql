-- Tables of ours without row security, and what PUBLIC, anon and authenticated may do with anything of ours.
WITH RECURSIVE relations AS (
    SELECT c.oid FROM pg_class AS c
    WHERE c.relnamespace = to_regnamespace('gatewayz_auth')
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
), objects (name, acl) AS (
    SELECT 'table ' || oid::regclass::text, coalesce(relacl, acldefault('r', relowner)) FROM tables
    UNION ALL
    SELECT 'sequence ' || oid::regclass::text, coalesce(relacl, acldefault('s', relowner)) FROM sequences
    UNION ALL
    SELECT 'function ' || oid::regproc::text, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
    WHERE pronamespace = to_regnamespace('gatewayz_auth')
    UNION ALL
    SELECT 'schema ' || nspname, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
    WHERE nspname = 'gatewayz_auth'
), strangers (id, name) AS (
    SELECT 0::oid, 'PUBLIC'
    UNION ALL
    SELECT oid, rolname::text FROM pg_roles WHERE rolname IN ('anon', 'authenticated')
)
SELECT 'row security' AS kind, oid::regclass::text AS what FROM tables WHERE NOT relrowsecurity
UNION ALL
SELECT 'grant', s.name || ' may ' || lower(string_agg(DISTINCT a.privilege_type, ', ')) || ' on ' || o.name
FROM objects AS o CROSS JOIN aclexplode(o.acl) AS a JOIN strangers AS s ON s.id = a.grantee
GROUP BY s.name, o.name
ORDER BY 1, 2
