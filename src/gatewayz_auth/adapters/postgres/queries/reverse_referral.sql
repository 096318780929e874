-- Takes back what a referral has paid; its row as it is then, or none.
SELECT v.* FROM gatewayz_auth.reverse_referral(%(referral_id)s::bigint, %(why)s::text) AS v
