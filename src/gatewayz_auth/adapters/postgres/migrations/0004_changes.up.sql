-- Who was changed, by whomever: every process reads it once a second and forgets what it remembered of them.

CREATE TABLE gatewayz_auth.changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Ids are given before transactions commit, so "greater than the last seen" would miss a slow one. Readers ask
    -- instead for what their last snapshot could not see.
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind text NOT NULL CHECK (kind IN ('user', 'key', 'gone', 'all')),
    user_id bigint,
    privy_user_id text,
    username text,
    -- Whether it takes something away (disabled, erased, a key revoked, fewer rights): nothing old may be answered then.
    takes_away boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX changes_xact ON gatewayz_auth.changes (xact);

CREATE FUNCTION gatewayz_auth.rank_of_tier(p_tier text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE p_tier WHEN 'max' THEN 2 WHEN 'pro' THEN 1 ELSE 0 END;

CREATE FUNCTION gatewayz_auth.users_change_noted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO gatewayz_auth.changes (kind, user_id, privy_user_id, username, takes_away)
        VALUES ('gone', OLD.id, OLD.privy_user_id, gatewayz_auth.name_key(OLD.username), true);
        RETURN NULL;
    END IF;
    IF (NEW.privy_user_id, NEW.username) IS DISTINCT FROM (OLD.privy_user_id, OLD.username) THEN
        -- Whoever asks by the old names must not be given this account any more.
        INSERT INTO gatewayz_auth.changes (kind, user_id, privy_user_id, username, takes_away)
        VALUES ('user', OLD.id, OLD.privy_user_id, gatewayz_auth.name_key(OLD.username),
                NEW.privy_user_id IS DISTINCT FROM OLD.privy_user_id AND OLD.privy_user_id IS NOT NULL);
    END IF;
    INSERT INTO gatewayz_auth.changes (kind, user_id, privy_user_id, username, takes_away)
    VALUES ('user', NEW.id, NEW.privy_user_id, gatewayz_auth.name_key(NEW.username),
            OLD.is_active AND NOT NEW.is_active
            OR gatewayz_auth.rank_of_tier(NEW.tier) < gatewayz_auth.rank_of_tier(OLD.tier)
            OR OLD.subscription_status IN ('trial', 'active') AND NEW.subscription_status NOT IN ('trial', 'active'));
    RETURN NULL;
END
$$;

CREATE FUNCTION gatewayz_auth.keys_change_noted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user_id bigint;
    v_takes_away boolean := false;
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- Nobody can remember an account that this very transaction makes.
        IF EXISTS (SELECT FROM gatewayz_auth.accounts AS a
                   WHERE a.user_id = NEW.user_id AND a.xmin = pg_current_xact_id()::xid) THEN
            RETURN NULL;
        END IF;
        v_user_id := NEW.user_id;
    ELSE
        v_user_id := OLD.user_id;
        IF TG_OP = 'DELETE' THEN
            v_takes_away := true;
        ELSE
            v_takes_away := OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL
                OR OLD.is_primary AND NOT NEW.is_primary
                OR NEW.user_id <> OLD.user_id;
        END IF;
    END IF;
    INSERT INTO gatewayz_auth.changes (kind, user_id, privy_user_id, username, takes_away)
    SELECT 'key', u.id, u.privy_user_id, gatewayz_auth.name_key(u.username), v_takes_away
    FROM gatewayz_auth.accounts AS a JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
    WHERE a.user_id = v_user_id;
    RETURN NULL;
END
$$;

CREATE FUNCTION gatewayz_auth.all_change_noted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO gatewayz_auth.changes (kind, takes_away) VALUES ('all', true);
    RETURN NULL;
END
$$;

-- Of all columns only last_sign_in_at is no change: a migration that adds a column adds it here too.
CREATE TRIGGER d_change_noted AFTER UPDATE ON public.users
    FOR EACH ROW WHEN (
        (OLD.region, OLD.privy_user_id, OLD.username, OLD.email, OLD.is_active, OLD.created_at, OLD.display_name,
         OLD.auth_method, OLD.claimed_email, OLD.phone_number, OLD.claimed_phone_number, OLD.credits, OLD.tier,
         OLD.subscription_status, OLD.trial_expires_at, OLD.subscription_end_date, OLD.is_guest)
        IS DISTINCT FROM
        (NEW.region, NEW.privy_user_id, NEW.username, NEW.email, NEW.is_active, NEW.created_at, NEW.display_name,
         NEW.auth_method, NEW.claimed_email, NEW.phone_number, NEW.claimed_phone_number, NEW.credits, NEW.tier,
         NEW.subscription_status, NEW.trial_expires_at, NEW.subscription_end_date, NEW.is_guest))
    EXECUTE FUNCTION gatewayz_auth.users_change_noted();
CREATE TRIGGER d_gone_noted AFTER DELETE ON public.users
    FOR EACH ROW EXECUTE FUNCTION gatewayz_auth.users_change_noted();
CREATE TRIGGER d_all_noted AFTER TRUNCATE ON public.users
    FOR EACH STATEMENT EXECUTE FUNCTION gatewayz_auth.all_change_noted();
CREATE TRIGGER d_all_noted AFTER TRUNCATE ON public.users_default
    FOR EACH STATEMENT EXECUTE FUNCTION gatewayz_auth.all_change_noted();
CREATE TRIGGER d_key_noted AFTER INSERT OR DELETE ON public.api_keys
    FOR EACH ROW EXECUTE FUNCTION gatewayz_auth.keys_change_noted();
CREATE TRIGGER d_key_change_noted AFTER UPDATE ON public.api_keys
    FOR EACH ROW WHEN (
        (OLD.user_id, OLD.environment_tag, OLD.is_primary, OLD.digest, OLD.sealed, OLD.owner_tag, OLD.revoked_at)
        IS DISTINCT FROM
        (NEW.user_id, NEW.environment_tag, NEW.is_primary, NEW.digest, NEW.sealed, NEW.owner_tag, NEW.revoked_at))
    EXECUTE FUNCTION gatewayz_auth.keys_change_noted();
CREATE TRIGGER d_all_noted AFTER TRUNCATE ON public.api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION gatewayz_auth.all_change_noted();

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (4, 'changes');
SELECT gatewayz_auth.close_doors();
