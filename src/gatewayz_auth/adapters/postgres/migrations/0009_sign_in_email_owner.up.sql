-- The one statement as before, and: with a referral it keeps whose verified e-mail the newcomer showed, where another
-- account has it. Nobody refers themselves.

CREATE OR REPLACE FUNCTION gatewayz_auth.sign_in(
    p_privy_user_id text, p_region text, p_may_join boolean, p_username text, p_display_name text, p_auth_method text,
    p_verified_email text, p_claimed_email text, p_verified_phone text, p_claimed_phone text,
    p_is_guest boolean, p_is_proven boolean, p_credits numeric, p_full_credits numeric, p_tier text,
    p_trial_days integer, p_environment_tag text,
    p_key_id uuid, p_key_prefix text, p_key_digest bytea, p_key_digest_key_id text, p_key_sealed bytea,
    p_key_owner_secret bytea, p_referral_code text
) RETURNS gatewayz_auth.sign_in_answer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    a gatewayz_auth.sign_in_answer;
    v_email text := gatewayz_auth.name_key(p_verified_email);
    v_user_id bigint;
    v_region text;
    v_new_id bigint;
    v_trial_expires_at timestamptz := CASE WHEN p_trial_days > 0 THEN now() + make_interval(days => p_trial_days) END;
    v_code text;
    v_email_owner_user_id bigint;
    v_is_read_only boolean := current_setting('transaction_read_only')::boolean;
BEGIN
    -- Locks are taken in one order by everybody: the user's row, then its names (privy, email, username). Whoever loses
    -- a claim has waited for the winner; its next statement sees what the winner made (READ COMMITTED).
    FOR v_try IN 1..20 LOOP
        -- 1. Somebody we know.
        SELECT i.user_id, i.region INTO v_user_id, v_region
        FROM gatewayz_auth.identities AS i WHERE i.kind = 'privy' AND i.subject = p_privy_user_id;
        IF FOUND THEN
            a := gatewayz_auth.account_with_key(v_user_id, v_region, p_environment_tag);
            EXIT WHEN a.user_id IS NOT NULL AND a.privy_user_id = p_privy_user_id;
            CONTINUE;
        END IF;

        -- 2. An account from before Privy, of the same verified e-mail.
        IF v_email IS NOT NULL THEN
            SELECT u.id, u.region, u.is_active INTO v_user_id, v_region, a.is_active
            FROM gatewayz_auth.identities AS i
            JOIN public.users AS u ON u.id = i.user_id AND u.region = i.region
            WHERE i.kind = 'email' AND i.subject = v_email AND u.privy_user_id IS NULL;
            IF FOUND AND NOT a.is_active THEN
                RETURN gatewayz_auth.account_with_key(v_user_id, v_region, NULL);
            END IF;
            IF FOUND THEN
                PERFORM FROM public.users AS u
                WHERE u.id = v_user_id AND u.region = v_region
                  AND u.privy_user_id IS NULL AND u.is_active AND gatewayz_auth.name_key(u.email) = v_email
                FOR NO KEY UPDATE;
                CONTINUE WHEN NOT FOUND;
                INSERT INTO gatewayz_auth.identities (kind, subject, user_id, region)
                VALUES ('privy', p_privy_user_id, v_user_id, v_region) ON CONFLICT (kind, subject) DO NOTHING;
                CONTINUE WHEN NOT FOUND;
                UPDATE public.users AS u SET privy_user_id = p_privy_user_id
                WHERE u.id = v_user_id AND u.region = v_region;
                CONTINUE;
            END IF;
        END IF;

        -- 3. A newcomer.
        IF NOT p_may_join THEN
            RETURN NULL;
        END IF;
        v_new_id := coalesce(v_new_id, nextval('public.users_id_seq'));
        INSERT INTO gatewayz_auth.identities (kind, subject, user_id, region)
        VALUES ('privy', p_privy_user_id, v_new_id, p_region) ON CONFLICT (kind, subject) DO NOTHING;
        CONTINUE WHEN NOT FOUND;
        IF v_email IS NOT NULL THEN
            INSERT INTO gatewayz_auth.identities (kind, subject, user_id, region)
            VALUES ('email', v_email, v_new_id, p_region) ON CONFLICT (kind, subject) DO NOTHING;
            IF NOT FOUND THEN
                SELECT i.user_id INTO v_email_owner_user_id
                FROM gatewayz_auth.identities AS i WHERE i.kind = 'email' AND i.subject = v_email;
                v_email := NULL;
            END IF;
        END IF;
        a.username := gatewayz_auth.claim_username(p_username, v_new_id, p_region);
        INSERT INTO public.users (
            id, region, privy_user_id, username, display_name, auth_method, email, claimed_email, phone_number,
            claimed_phone_number, credits, tier, subscription_status, trial_expires_at, is_guest, last_sign_in_at)
        VALUES (
            v_new_id, p_region, p_privy_user_id, a.username, p_display_name, p_auth_method, v_email, p_claimed_email,
            p_verified_phone, p_claimed_phone, p_credits, p_tier,
            CASE WHEN p_is_guest OR p_trial_days <= 0 THEN 'inactive' ELSE 'trial' END,
            CASE WHEN NOT p_is_guest THEN v_trial_expires_at END, p_is_guest, now());
        v_code := left(upper(regexp_replace(p_referral_code, '\s', '', 'g')), 64);
        IF v_code <> '' THEN
            INSERT INTO public.referrals (referred_user_id, referral_code, email_owner_user_id)
            VALUES (v_new_id, v_code, v_email_owner_user_id);
        END IF;
        a := gatewayz_auth.account_with_key(v_new_id, p_region, NULL);
        a.is_new := true;
        EXIT;
    END LOOP;
    IF a.user_id IS NULL THEN
        RAISE lock_not_available USING MESSAGE = 'the account keeps changing';
    END IF;

    -- Known and not let in: nothing changes, nothing is handed out.
    IF NOT a.is_active THEN
        a.key_id := NULL;
        a.key_prefix := NULL;
        a.key_digest_key_id := NULL;
        a.key_sealed := NULL;
        a.key_owner_tag := NULL;
        RETURN a;
    END IF;

    -- What they have proven since, and a guest who has become somebody. Rare, so only then a row is locked.
    IF NOT a.is_new AND NOT v_is_read_only AND (
        a.is_guest AND p_is_proven
        OR a.phone_number IS NULL AND p_verified_phone IS NOT NULL
        OR a.email IS NULL AND v_email IS NOT NULL AND NOT EXISTS (
            SELECT FROM gatewayz_auth.identities AS i WHERE i.kind = 'email' AND i.subject = v_email))
    THEN
        a := gatewayz_auth.enrich(a, v_email, p_verified_phone, p_is_proven, p_full_credits, v_trial_expires_at);
    END IF;

    IF a.key_id IS NULL AND p_key_id IS NOT NULL THEN
        INSERT INTO public.api_keys (
            id, user_id, environment_tag, prefix, digest, digest_key_id, sealed, owner_tag)
        VALUES (
            p_key_id, a.user_id, p_environment_tag, p_key_prefix, p_key_digest, p_key_digest_key_id, p_key_sealed,
            sha256(p_key_owner_secret || int8send(a.user_id)))
        ON CONFLICT (user_id, environment_tag) WHERE is_primary AND revoked_at IS NULL DO NOTHING;
        SELECT k.id, k.prefix, k.digest_key_id, k.sealed, k.owner_tag
        INTO a.key_id, a.key_prefix, a.key_digest_key_id, a.key_sealed, a.key_owner_tag
        FROM public.api_keys AS k
        WHERE k.user_id = a.user_id AND k.environment_tag = p_environment_tag AND k.is_primary AND k.revoked_at IS NULL;
    END IF;

    -- Once a day at most, never waiting for it, and not on a server that takes no writes.
    IF (a.last_sign_in_at IS NULL OR a.last_sign_in_at < now() - interval '1 day')
        AND NOT v_is_read_only
    THEN
        PERFORM FROM public.users AS u WHERE u.id = a.user_id AND u.region = a.region FOR NO KEY UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE public.users AS u SET last_sign_in_at = now() WHERE u.id = a.user_id AND u.region = a.region;
        END IF;
    END IF;
    RETURN a;
END
$$;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (9, 'sign_in_email_owner');
SELECT gatewayz_auth.close_doors();
