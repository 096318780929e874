-- Takes all referral codes and all mail that is still owed away.
DROP FUNCTION gatewayz_auth.queue_mail(bigint, text, jsonb, text);
DROP INDEX public.referrals_referral_code;
DROP TABLE gatewayz_auth.mail_outbox, gatewayz_auth.referral_codes;
DELETE FROM gatewayz_auth.schema_version WHERE version = 6;
