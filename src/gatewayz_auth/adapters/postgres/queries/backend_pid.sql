-- Which session serves this transaction; behind a pooler another one may serve the next.
SELECT pg_backend_pid() AS pid
