-- Only one program migrates a database at a time; held to the end of the transaction.
SELECT pg_advisory_xact_lock(%(key)s::bigint)
