-- Nothing is judged or paid any more; what was, stays.
DROP FUNCTION gatewayz_auth.reverse_referral, gatewayz_auth.try_referral, gatewayz_auth.settle_referrals,
    gatewayz_auth.mailbox;
DROP TYPE gatewayz_auth.referral_verdict;
DROP TRIGGER a_wake ON public.referrals;
DROP FUNCTION gatewayz_auth.referrals_wake;
CREATE OR REPLACE FUNCTION gatewayz_auth.users_credits_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_entry text := nullif(current_setting('gatewayz_auth.entry', true), '');
BEGIN
    INSERT INTO public.credit_entries (user_id, amount, kind, reference)
    VALUES (NEW.id, NEW.credits - OLD.credits,
            coalesce(split_part(v_entry, '|', 1), 'adjustment'),
            coalesce(substr(v_entry, strpos(v_entry, '|') + 1), gen_random_uuid()::text));
    RETURN NULL;
END
$$;
DROP TRIGGER d_change_noted ON public.users;
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
DROP INDEX public.referrals_failed, public.referrals_due;
ALTER TABLE public.referrals DROP COLUMN email_owner_user_id, DROP COLUMN settled_at, DROP COLUMN next_try_at;
ALTER TABLE public.users DROP COLUMN referred_by_code;
DELETE FROM gatewayz_auth.schema_version WHERE version = 8;
