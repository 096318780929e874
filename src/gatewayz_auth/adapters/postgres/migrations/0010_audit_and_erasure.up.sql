-- What operators did, which nobody can edit; and taking a person out of every table.

CREATE TABLE gatewayz_auth.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    what text NOT NULL,
    subject text NOT NULL,
    why text NOT NULL DEFAULT '',
    CONSTRAINT audit_fits CHECK (length(who) <= 200 AND length(what) <= 100 AND length(subject) <= 200
                                 AND length(why) <= 500)
);
COMMENT ON TABLE gatewayz_auth.audit IS 'Who did what to whom and why. Append only; people stand in it by number alone.';

CREATE FUNCTION gatewayz_auth.audit_is_append_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'gatewayz_auth.audit is append only';
END
$$;
CREATE TRIGGER a_append_only BEFORE UPDATE OR DELETE ON gatewayz_auth.audit
    FOR EACH ROW EXECUTE FUNCTION gatewayz_auth.audit_is_append_only();
CREATE TRIGGER a_append_only_at_once BEFORE TRUNCATE ON gatewayz_auth.audit
    FOR EACH STATEMENT EXECUTE FUNCTION gatewayz_auth.audit_is_append_only();

-- As before, but an erased person's number stays, so that the ledger and the referrals of others stay whole.
CREATE OR REPLACE FUNCTION gatewayz_auth.users_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM gatewayz_auth.identities AS i
    USING (VALUES ('privy', OLD.privy_user_id), ('email', gatewayz_auth.name_key(OLD.email)),
                  ('username', gatewayz_auth.name_key(OLD.username))) AS n (kind, subject)
    WHERE i.kind = n.kind AND i.subject = n.subject AND i.user_id = OLD.id;
    IF current_setting('gatewayz_auth.erasing', true) = OLD.id::text THEN
        RETURN NULL;
    END IF;
    -- Where the row only moves to another region, the insert that follows claims its names again.
    IF NOT EXISTS (SELECT FROM public.users AS u WHERE u.id = OLD.id) THEN
        DELETE FROM gatewayz_auth.accounts WHERE user_id = OLD.id;
    END IF;
    RETURN NULL;
END
$$;

-- Takes a person out of every table but the ledger, which keeps their number; false where nobody has this id.
CREATE FUNCTION gatewayz_auth.erase_user(p_user_id bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_is_there boolean;
BEGIN
    PERFORM set_config('gatewayz_auth.erasing', p_user_id::text, true);
    DELETE FROM public.api_keys WHERE user_id = p_user_id;
    DELETE FROM gatewayz_auth.referral_codes WHERE user_id = p_user_id;
    DELETE FROM gatewayz_auth.mail_outbox WHERE user_id = p_user_id;
    DELETE FROM public.users AS u USING gatewayz_auth.accounts AS a
    WHERE a.user_id = p_user_id AND u.id = a.user_id AND u.region = a.region;
    v_is_there := FOUND;
    PERFORM set_config('gatewayz_auth.erasing', '', true);
    RETURN v_is_there;
END
$$;

-- Takes the names out of what processes are told, once they have had the time to hear it. Whoever hears of it later
-- hears only that something was missed, and trusts nothing that it remembers any more.
CREATE FUNCTION gatewayz_auth.forget_names_in_changes(p_user_id bigint) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    WITH nameless AS (
        UPDATE gatewayz_auth.changes SET kind = 'all', user_id = NULL, privy_user_id = NULL, username = NULL
        WHERE user_id = p_user_id
        RETURNING id
    )
    SELECT count(*) FROM nameless
$$;

-- Where any of these texts still stands: p_parts anywhere in a value but inside of a longer name, p_words as a whole
-- value or a whole JSON string.
CREATE FUNCTION gatewayz_auth.find_traces(p_parts text[], p_words text[])
RETURNS TABLE (place text, rows bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_column record;
    v_parts text := (
        SELECT '(^|[^[:alnum:]_.+-])(' || string_agg(regexp_replace(p, '([^[:alnum:]])', '\\\1', 'g'), '|')
            || ')($|[^[:alnum:]_-])'
        FROM unnest(p_parts) AS p);
BEGIN
    FOR v_column IN
        SELECT c.oid::regclass::text AS relation, a.attname AS name
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind = 'r'
          AND a.atttypid = ANY (ARRAY['text', 'varchar', 'jsonb', 'json']::regtype[])
          AND (c.relnamespace = 'gatewayz_auth'::regnamespace
               OR c.oid IN (to_regclass('public.api_keys'), to_regclass('public.referrals'),
                            to_regclass('public.credit_entries'))
               OR c.oid IN (SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = to_regclass('public.users')))
        ORDER BY 1, a.attnum
    LOOP
        place := v_column.relation || '.' || v_column.name;
        EXECUTE format(
            'SELECT count(*) FROM %1$s AS t WHERE coalesce(t.%2$I::text ~ $1, false)
             OR EXISTS (SELECT FROM unnest($2) AS w WHERE t.%2$I::text = w OR strpos(t.%2$I::text, to_json(w)::text) > 0)',
            v_column.relation, v_column.name)
        INTO rows USING v_parts, p_words;
        IF rows > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (10, 'audit_and_erasure');
SELECT gatewayz_auth.close_doors();
