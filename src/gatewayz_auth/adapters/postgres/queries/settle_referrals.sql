-- Judges and pays at most so many referrals that are due: all, or the one of a newcomer, or the one of an id.
SELECT v.*
FROM gatewayz_auth.settle_referrals(
    %(limit)s::integer, %(referrer_credits)s::numeric, %(referred_credits)s::numeric, %(max_uses)s::integer,
    %(daily_cap)s::integer, %(referred_user_id)s::bigint, %(referral_id)s::bigint
) AS v
