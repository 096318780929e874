-- Whom a referral code belongs to, and the outbox: mail that is owed, kept with what it is owed for.

CREATE TABLE gatewayz_auth.referral_codes (
    code text PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES gatewayz_auth.accounts (user_id) ON DELETE CASCADE,
    max_uses integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT referral_codes_code_is_normalised CHECK (code ~ '^[A-Z0-9]{1,64}$'),
    CONSTRAINT referral_codes_max_uses_is_a_count CHECK (max_uses >= 0)
);
COMMENT ON COLUMN gatewayz_auth.referral_codes.max_uses IS 'Null: no maximum of its own.';
COMMENT ON COLUMN gatewayz_auth.referral_codes.deleted_at
    IS 'Refused since then; its owner gets another on the next ask.';
-- One living code a user, whoever asks at once.
CREATE UNIQUE INDEX referral_codes_one_living ON gatewayz_auth.referral_codes (user_id) WHERE deleted_at IS NULL;
CREATE INDEX referral_codes_user_id ON gatewayz_auth.referral_codes (user_id);
-- For the uses of a code, which its owner and its maximum are told by.
CREATE INDEX referrals_referral_code ON public.referrals (referral_code);

-- Holds no address: it is read when the mail is sent, so that erasing or changing it has its effect at once.
CREATE TABLE gatewayz_auth.mail_outbox (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id bigint NOT NULL REFERENCES gatewayz_auth.accounts (user_id) ON DELETE CASCADE,
    kind text NOT NULL,
    arguments jsonb NOT NULL DEFAULT '{}',
    once text NOT NULL UNIQUE,
    status text NOT NULL DEFAULT 'waiting',
    attempts integer NOT NULL DEFAULT 0,
    reason text,
    due_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT mail_outbox_status_is_known CHECK (status IN ('waiting', 'sent', 'failed'))
);
COMMENT ON COLUMN gatewayz_auth.mail_outbox.id
    IS 'The Message-ID is made of it, so a mail that was sent twice is known for one.';
COMMENT ON COLUMN gatewayz_auth.mail_outbox.arguments
    IS 'What the template shows; emptied when the mail is sent or failed.';
COMMENT ON COLUMN gatewayz_auth.mail_outbox.due_at
    IS 'When it is tried next; whoever tries it moves this first, which is their lease.';
CREATE INDEX mail_outbox_waiting ON gatewayz_auth.mail_outbox (due_at) WHERE status = 'waiting';
CREATE INDEX mail_outbox_user_id ON gatewayz_auth.mail_outbox (user_id);

-- Owes a user a mail, in the caller's transaction and once for p_once; false where it was owed before, or where there
-- is no verified e-mail to send it to. Waits for nobody but another transaction with the same p_once.
CREATE FUNCTION gatewayz_auth.queue_mail(p_user_id bigint, p_kind text, p_arguments jsonb, p_once text)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO gatewayz_auth.mail_outbox (user_id, kind, arguments, once)
    SELECT u.id, p_kind, coalesce(p_arguments, '{}'), p_once
    FROM gatewayz_auth.accounts AS a
    JOIN public.users AS u ON u.id = a.user_id AND u.region = a.region
    WHERE a.user_id = p_user_id AND u.email IS NOT NULL AND u.is_active
    ON CONFLICT (once) DO NOTHING;
    RETURN FOUND;
END
$$;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (6, 'codes_and_mail');
SELECT gatewayz_auth.close_doors();
