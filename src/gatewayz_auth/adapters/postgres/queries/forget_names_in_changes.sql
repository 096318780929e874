-- Takes a person's names out of what processes are told.
SELECT gatewayz_auth.forget_names_in_changes(%(user_id)s::bigint) AS rows
