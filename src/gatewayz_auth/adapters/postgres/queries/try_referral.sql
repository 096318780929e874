-- Counts an attempt at the next referral that is due, before it is made: one row or none.
SELECT v.* FROM gatewayz_auth.try_referral(%(max_attempts)s::integer, %(retry_after_s)s::float8) AS v
