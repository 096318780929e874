-- What becomes of a referral: judged and paid in sets, each in one transaction; the rows are the truth, and a job is
-- only what wakes a worker.

ALTER TABLE public.users ADD COLUMN referred_by_code text;
COMMENT ON COLUMN public.users.referred_by_code IS 'Of the referral that was rewarded, until it is reversed.';

ALTER TABLE public.referrals
    ADD COLUMN next_try_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN email_owner_user_id bigint;
COMMENT ON COLUMN public.referrals.reason IS 'A word where refused or failed; where reversed, why somebody did it.';
COMMENT ON COLUMN public.referrals.next_try_at IS 'While pending: nobody tries before.';
COMMENT ON COLUMN public.referrals.email_owner_user_id
    IS 'Whose account already had the verified e-mail that the newcomer showed: the same person.';
CREATE INDEX referrals_due ON public.referrals (next_try_at, id) WHERE status = 'pending';
CREATE INDEX referrals_failed ON public.referrals (id) WHERE status = 'failed';

DROP TRIGGER d_change_noted ON public.users;
CREATE TRIGGER d_change_noted AFTER UPDATE ON public.users
    FOR EACH ROW WHEN (
        (OLD.region, OLD.privy_user_id, OLD.username, OLD.email, OLD.is_active, OLD.created_at, OLD.display_name,
         OLD.auth_method, OLD.claimed_email, OLD.phone_number, OLD.claimed_phone_number, OLD.credits, OLD.tier,
         OLD.subscription_status, OLD.trial_expires_at, OLD.subscription_end_date, OLD.is_guest, OLD.referred_by_code)
        IS DISTINCT FROM
        (NEW.region, NEW.privy_user_id, NEW.username, NEW.email, NEW.is_active, NEW.created_at, NEW.display_name,
         NEW.auth_method, NEW.claimed_email, NEW.phone_number, NEW.claimed_phone_number, NEW.credits, NEW.tier,
         NEW.subscription_status, NEW.trial_expires_at, NEW.subscription_end_date, NEW.is_guest, NEW.referred_by_code))
    EXECUTE FUNCTION gatewayz_auth.users_change_noted();

-- As before, and: `=` says that the entries of this change are written already, as a set.
CREATE OR REPLACE FUNCTION gatewayz_auth.users_credits_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_entry text := nullif(current_setting('gatewayz_auth.entry', true), '');
BEGIN
    IF v_entry = '=' THEN
        RETURN NULL;
    END IF;
    INSERT INTO public.credit_entries (user_id, amount, kind, reference)
    VALUES (NEW.id, NEW.credits - OLD.credits,
            coalesce(split_part(v_entry, '|', 1), 'adjustment'),
            coalesce(substr(v_entry, strpos(v_entry, '|') + 1), gen_random_uuid()::text));
    RETURN NULL;
END
$$;

-- Wakes a worker unless a job that will do so is waiting already. Whatever is wrong with the table of jobs, locked or
-- full, costs the sign-up 50 ms at most: the sweep finds the row.
CREATE FUNCTION gatewayz_auth.referrals_wake() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gatewayz_auth, pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM procrastinate_jobs AS j
        WHERE j.status = 'todo' AND j.task_name = 'settle_referrals' AND j.scheduled_at IS NULL)
    THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[
            ROW('referrals', 'settle_referrals', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1]);
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;
CREATE TRIGGER a_wake AFTER INSERT ON public.referrals
    FOR EACH STATEMENT EXECUTE FUNCTION gatewayz_auth.referrals_wake();

-- The mailbox behind a normalised address: without +tag, and without what Gmail does not look at.
CREATE FUNCTION gatewayz_auth.mailbox(p_email text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN p.domain IN ('gmail.com', 'googlemail.com') THEN replace(p.local, '.', '') || '@gmail.com'
        ELSE p.local || '@' || p.domain END
    FROM (SELECT split_part(regexp_replace(p_email, '@[^@]*$', ''), '+', 1) AS local,
                 substring(p_email FROM '[^@]*$') AS domain) AS p
$$;

CREATE TYPE gatewayz_auth.referral_verdict AS (
    referral_id bigint,
    referred_user_id bigint,
    referrer_user_id bigint,
    referral_code text,
    status text,
    reason text
);

-- Judges and pays at most p_limit referrals that are due (of p_referred_user_id alone, or p_referral_id alone, where
-- given), in the caller's transaction. Waits for nobody: rows that another worker holds are left to it, and people whom
-- somebody is changing just now come a little later (status still pending). Null caps are none.
CREATE FUNCTION gatewayz_auth.settle_referrals(
    p_limit integer, p_referrer_credits numeric, p_referred_credits numeric, p_max_uses integer, p_daily_cap integer,
    p_referred_user_id bigint DEFAULT NULL, p_referral_id bigint DEFAULT NULL
) RETURNS SETOF gatewayz_auth.referral_verdict
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
    v_ids bigint[];
    v_locked bigint[];
    v gatewayz_auth.referral_verdict[];
BEGIN
    -- 1. Ours alone from here on.
    IF p_referral_id IS NOT NULL THEN
        v_ids := ARRAY(
            SELECT r.id FROM public.referrals AS r WHERE r.id = p_referral_id AND r.status = 'pending'
            FOR UPDATE SKIP LOCKED);
    ELSIF p_referred_user_id IS NOT NULL THEN
        v_ids := ARRAY(
            SELECT r.id FROM public.referrals AS r WHERE r.referred_user_id = p_referred_user_id AND r.status = 'pending'
            FOR UPDATE SKIP LOCKED);
    ELSE
        v_ids := ARRAY(
            SELECT r.id FROM public.referrals AS r WHERE r.status = 'pending' AND r.next_try_at <= now()
            ORDER BY r.next_try_at, r.id LIMIT p_limit FOR UPDATE SKIP LOCKED);
    END IF;
    IF v_ids = '{}' THEN
        RETURN;
    END IF;

    -- 2. The people of both sides; what is read of them below is what they are when this ends, and a referrer's uses
    -- are counted by one transaction at a time.
    v_locked := ARRAY(
        SELECT u.id
        FROM (
            SELECT r.referred_user_id AS user_id FROM public.referrals AS r WHERE r.id = ANY (v_ids)
            UNION
            SELECT c.user_id FROM public.referrals AS r JOIN gatewayz_auth.referral_codes AS c ON c.code = r.referral_code
            WHERE r.id = ANY (v_ids)
        ) AS p
        JOIN gatewayz_auth.accounts AS a ON a.user_id = p.user_id
        JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
        FOR NO KEY UPDATE OF u SKIP LOCKED);

    -- 3. The verdicts. The reasons are those of domain/referrals.py, in its order.
    WITH mine AS (
        SELECT r.id, r.referred_user_id, r.referral_code, (r.created_at AT TIME ZONE 'UTC')::date AS day,
            c.user_id AS referrer_user_id, least(p_max_uses, c.max_uses) AS max_uses,
            CASE
                WHEN c.code IS NULL THEN 'unknown_code'
                WHEN c.deleted_at IS NOT NULL THEN 'deleted_code'
                WHEN us.id IS NULL THEN 'account_gone'
                WHEN them.id IS NULL THEN 'referrer_gone'
                WHEN c.user_id IN (r.referred_user_id, r.email_owner_user_id)
                    OR gatewayz_auth.mailbox(us.email) = gatewayz_auth.mailbox(them.email) THEN 'self_referral'
                WHEN NOT them.is_active THEN 'referrer_disabled'
                WHEN them.is_guest THEN 'referrer_guest'
                WHEN NOT us.is_active THEN 'account_disabled'
                WHEN us.is_guest THEN 'guest'
                WHEN us.id <> ALL (v_locked) OR them.id <> ALL (v_locked) THEN 'busy'
            END AS reason
        FROM public.referrals AS r
        LEFT JOIN gatewayz_auth.accounts AS ua ON ua.user_id = r.referred_user_id
        LEFT JOIN public.users AS us ON us.id = ua.user_id AND us.region = ua.region
        LEFT JOIN gatewayz_auth.referral_codes AS c ON c.code = r.referral_code
        LEFT JOIN gatewayz_auth.accounts AS ta ON ta.user_id = c.user_id
        LEFT JOIN public.users AS them ON them.id = ta.user_id AND them.region = ta.region
        WHERE r.id = ANY (v_ids)
    ), by_day AS (
        SELECT m.*, p_daily_cap IS NOT NULL AND m.reason IS NULL AND p_daily_cap <
            row_number() OVER (PARTITION BY m.referrer_user_id, m.day, m.reason IS NULL ORDER BY m.id)
            + CASE WHEN p_daily_cap IS NOT NULL AND m.reason IS NULL THEN (
                SELECT count(*) FROM public.referrals AS o
                WHERE o.referrer_user_id = m.referrer_user_id AND o.status = 'rewarded'
                  AND (o.created_at AT TIME ZONE 'UTC')::date = m.day) ELSE 0 END AS is_too_many
        FROM mine AS m
    ), by_code AS (
        SELECT d.*, d.max_uses IS NOT NULL AND d.reason IS NULL AND NOT d.is_too_many AND d.max_uses <
            row_number() OVER (PARTITION BY d.referral_code, d.reason IS NULL AND NOT d.is_too_many ORDER BY d.id)
            + CASE WHEN d.max_uses IS NOT NULL AND d.reason IS NULL THEN (
                SELECT count(*) FROM public.referrals AS o
                WHERE o.referrer_user_id = d.referrer_user_id AND o.referral_code = d.referral_code
                  AND o.status = 'rewarded') ELSE 0 END AS is_exhausted
        FROM by_day AS d
    ), judged AS (
        SELECT b.*, CASE WHEN b.is_too_many THEN 'daily_cap' WHEN b.is_exhausted THEN 'exhausted' ELSE b.reason END
            AS verdict
        FROM by_code AS b
    )
    SELECT array_agg(ROW(
        j.id, j.referred_user_id, j.referrer_user_id, j.referral_code,
        CASE WHEN j.verdict IS NULL THEN 'rewarded' WHEN j.verdict = 'busy' THEN 'pending' ELSE 'refused' END, j.verdict
    )::gatewayz_auth.referral_verdict ORDER BY j.id) INTO v
    FROM judged AS j;

    -- 4. Both sides are paid, each once for this referral whatever happens: the ledger's own constraint.
    PERFORM set_config('gatewayz_auth.entry', '=', true);
    WITH paid AS (
        INSERT INTO public.credit_entries (user_id, amount, kind, reference)
        SELECT p.user_id, p.amount, p.kind, s.referral_id::text
        FROM unnest(v) AS s
        CROSS JOIN LATERAL (VALUES (s.referrer_user_id, p_referrer_credits, 'referrer_bonus'),
                                   (s.referred_user_id, p_referred_credits, 'referred_bonus')) AS p (user_id, amount, kind)
        WHERE s.status = 'rewarded' AND p.amount <> 0
        ON CONFLICT (user_id, kind, reference) DO NOTHING
        RETURNING user_id, amount
    ), changed AS (
        SELECT c.user_id, sum(c.amount) AS amount, max(c.code) AS code
        FROM (
            SELECT p.user_id, p.amount, NULL AS code FROM paid AS p
            UNION ALL
            SELECT s.referred_user_id, 0, s.referral_code FROM unnest(v) AS s WHERE s.status = 'rewarded'
        ) AS c
        GROUP BY c.user_id
    )
    UPDATE public.users AS u
    SET credits = u.credits + c.amount, referred_by_code = coalesce(c.code, u.referred_by_code)
    FROM changed AS c JOIN gatewayz_auth.accounts AS a ON a.user_id = c.user_id
    WHERE u.id = a.user_id AND u.region = a.region;
    PERFORM set_config('gatewayz_auth.entry', '', true);

    -- 5. The referrer is owed a mail; it is sent by whom and whenever.
    PERFORM gatewayz_auth.queue_mail(
        s.referrer_user_id, 'referral_rewarded', jsonb_build_object('credits', trim_scale(p_referrer_credits)::text),
        'referral:' || s.referral_id)
    FROM unnest(v) AS s WHERE s.status = 'rewarded';

    UPDATE public.referrals AS r
    SET status = s.status, referrer_user_id = s.referrer_user_id, reason = nullif(s.reason, 'busy'),
        settled_at = CASE WHEN s.status <> 'pending' THEN now() END, updated_at = now(),
        next_try_at = CASE WHEN s.status = 'pending' THEN now() + (0.2 + random()) * interval '1 second'
            ELSE r.next_try_at END
    FROM unnest(v) AS s WHERE r.id = s.referral_id;
    RETURN QUERY SELECT * FROM unnest(v);
END
$$;

-- Counts an attempt at the first referral that is due, before it is made, so that one that takes its worker down with it
-- is counted too; failed once there were p_max_attempts. One row, or none where nothing is due.
CREATE FUNCTION gatewayz_auth.try_referral(p_max_attempts integer, p_retry_after_s double precision)
RETURNS SETOF gatewayz_auth.referral_verdict
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    UPDATE public.referrals AS r
    SET attempts = r.attempts + 1, updated_at = now(),
        status = CASE WHEN r.attempts >= p_max_attempts THEN 'failed' ELSE r.status END,
        reason = coalesce(r.reason, 'did_not_end'),
        next_try_at = now() + least(p_retry_after_s * 2 ^ least(r.attempts, 20), 3600) * (0.5 + random())
            * interval '1 second'
    FROM (
        SELECT d.id FROM public.referrals AS d WHERE d.status = 'pending' AND d.next_try_at <= now()
        ORDER BY d.next_try_at, d.id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE r.id = due.id
    RETURNING r.id, r.referred_user_id, r.referrer_user_id, r.referral_code, r.status, r.reason
$$;

-- Takes back what a referral has paid, once; its row as it is then, or none where there is no such referral.
CREATE FUNCTION gatewayz_auth.reverse_referral(p_referral_id bigint, p_why text)
RETURNS SETOF gatewayz_auth.referral_verdict
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    v_referral public.referrals;
BEGIN
    SELECT * INTO v_referral FROM public.referrals AS r WHERE r.id = p_referral_id FOR UPDATE;
    IF v_referral.status = 'rewarded' THEN
        PERFORM FROM gatewayz_auth.accounts AS a JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
        WHERE a.user_id IN (v_referral.referrer_user_id, v_referral.referred_user_id)
        ORDER BY u.id FOR NO KEY UPDATE OF u;
        PERFORM set_config('gatewayz_auth.entry', '=', true);
        WITH taken AS (
            INSERT INTO public.credit_entries (user_id, amount, kind, reference)
            SELECT e.user_id, -e.amount, e.kind || '_reversed', e.reference
            FROM public.credit_entries AS e
            WHERE e.user_id IN (v_referral.referrer_user_id, v_referral.referred_user_id)
              AND e.kind IN ('referrer_bonus', 'referred_bonus') AND e.reference = p_referral_id::text
            ON CONFLICT (user_id, kind, reference) DO NOTHING
            RETURNING user_id, amount
        )
        UPDATE public.users AS u
        SET credits = u.credits + coalesce(t.amount, 0),
            referred_by_code = CASE WHEN u.id <> v_referral.referred_user_id THEN u.referred_by_code END
        FROM gatewayz_auth.accounts AS a
        LEFT JOIN (SELECT k.user_id, sum(k.amount) AS amount FROM taken AS k GROUP BY k.user_id) AS t
            ON t.user_id = a.user_id
        WHERE a.user_id IN (v_referral.referrer_user_id, v_referral.referred_user_id)
          AND u.id = a.user_id AND u.region = a.region;
        PERFORM set_config('gatewayz_auth.entry', '', true);
        UPDATE public.referrals AS r SET status = 'reversed', reason = p_why, updated_at = now()
        WHERE r.id = p_referral_id;
    END IF;
    RETURN QUERY
        SELECT r.id, r.referred_user_id, r.referrer_user_id, r.referral_code, r.status, r.reason
        FROM public.referrals AS r WHERE r.id = p_referral_id;
END
$$;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (8, 'referrals');
SELECT gatewayz_auth.close_doors();
