-- Finds or makes an account and its primary key of a tag; all null where nobody is found and none may be made.
SELECT a.*
FROM gatewayz_auth.sign_in(
    %(privy_user_id)s::text, %(region)s::text, %(may_join)s::boolean, %(username)s::text, %(display_name)s::text,
    %(auth_method)s::text, %(verified_email)s::text, %(claimed_email)s::text, %(verified_phone)s::text,
    %(claimed_phone)s::text, %(is_guest)s::boolean, %(is_proven)s::boolean, %(credits)s::numeric,
    %(full_credits)s::numeric, %(tier)s::text, %(trial_days)s::integer, %(environment_tag)s::text,
    %(key_id)s::uuid, %(key_prefix)s::text, %(key_digest)s::bytea, %(key_digest_key_id)s::text, %(key_sealed)s::bytea,
    %(key_owner_secret)s::bytea, %(referral_code)s::text
) AS a
