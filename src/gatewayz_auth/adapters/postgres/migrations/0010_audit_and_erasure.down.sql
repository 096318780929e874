-- Takes the audit log away, and what was written in it.
DROP FUNCTION gatewayz_auth.find_traces(text[], text[]), gatewayz_auth.forget_names_in_changes(bigint),
    gatewayz_auth.erase_user(bigint);
CREATE OR REPLACE FUNCTION gatewayz_auth.users_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM gatewayz_auth.identities AS i
    USING (VALUES ('privy', OLD.privy_user_id), ('email', gatewayz_auth.name_key(OLD.email)),
                  ('username', gatewayz_auth.name_key(OLD.username))) AS n (kind, subject)
    WHERE i.kind = n.kind AND i.subject = n.subject AND i.user_id = OLD.id;
    -- Where the row only moves to another region, the insert that follows claims its names again.
    IF NOT EXISTS (SELECT FROM public.users AS u WHERE u.id = OLD.id) THEN
        DELETE FROM gatewayz_auth.accounts WHERE user_id = OLD.id;
    END IF;
    RETURN NULL;
END
$$;
DROP TABLE gatewayz_auth.audit;
DROP FUNCTION gatewayz_auth.audit_is_append_only();
DELETE FROM gatewayz_auth.schema_version WHERE version = 10;
