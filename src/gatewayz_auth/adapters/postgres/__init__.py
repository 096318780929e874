"""Postgres: the pool, the one statement, the migrations and the embedded server."""
