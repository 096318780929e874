-- Takes a person out of every table but the ledger, which keeps their number.
SELECT gatewayz_auth.erase_user(%(user_id)s::bigint) AS is_erased
