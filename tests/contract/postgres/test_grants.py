"""The doors: a platform that serves ``public`` to the world serves nothing of ours."""

import asyncio
import contextlib

import psycopg
import pytest
from psycopg import sql

from gatewayz_auth.adapters.postgres.migrate import migrate

STRANGERS = ("anon", "authenticated")
_LIKE_SUPABASE = """
GRANT USAGE ON SCHEMA public TO {stranger};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO {stranger};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO {stranger};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO {stranger};
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {stranger};
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO {stranger};
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {stranger};
"""


@contextlib.contextmanager
def connected(url):
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def open_to_strangers(url):
    with connected(url) as connection:
        for stranger in STRANGERS:
            connection.execute(
                "DO $$ BEGIN CREATE ROLE " + stranger + "; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
            connection.execute(_LIKE_SUPABASE.format(stranger=stranger).encode())


def lock_out(url):
    with connected(url) as connection:
        for stranger in STRANGERS:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(stranger)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(stranger)))


@pytest.fixture
def hostile_url(empty_database_url, request):
    """A migrated database of a platform with roles that the world acts as: made before migrating, or after."""
    when = request.param
    if when == "before":
        open_to_strangers(empty_database_url)
    asyncio.run(migrate(empty_database_url, region="eu"))
    if when == "after":
        open_to_strangers(empty_database_url)
    with connected(empty_database_url) as connection:
        connection.execute(
            "INSERT INTO users (username, email, region, credits) VALUES ('ada', 'ada@example.com', 'eu', 3), "
            "('bob', NULL, 'default', 3)"
        )
    yield empty_database_url
    lock_out(empty_database_url)


both_orders = pytest.mark.parametrize("hostile_url", ["before", "after"], indirect=True)


def ours(connection, kinds):
    """Tables and sequences of ours, partitions included."""
    return [
        row[0]
        for row in connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('public', 'gatewayz_auth') AND c.relkind = ANY(%s)",
            [list(kinds)],
        )
    ]


def refused(connection, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@both_orders
@pytest.mark.parametrize("stranger", STRANGERS)
def test_stranger_reads_no_row_of_any_table_or_partition_and_writes_none(hostile_url, stranger):
    with connected(hostile_url) as connection:
        tables = ours(connection, "rp")
        assert {"users", "users_eu", "users_default", "api_keys", "referrals", "credit_entries"} <= set(tables)
        connection.execute(f"SET ROLE {stranger}")
        for table in tables:
            refused(connection, f"SELECT FROM {table}")
            refused(connection, f"DELETE FROM {table}")  # noqa: S608 - the test's own words
            refused(connection, f"TRUNCATE {table}")
        refused(connection, "INSERT INTO users (username) VALUES ('eve')")


@both_orders
@pytest.mark.parametrize("stranger", STRANGERS)
def test_stranger_uses_no_sequence(hostile_url, stranger):
    with connected(hostile_url) as connection:
        sequences = ours(connection, "S")
        assert sequences
        connection.execute(f"SET ROLE {stranger}")
        for sequence in sequences:
            refused(connection, f"SELECT nextval('{sequence}')")
            refused(connection, f"SELECT last_value FROM {sequence}")  # noqa: S608 - the test's own words


@both_orders
@pytest.mark.parametrize("stranger", STRANGERS)
def test_stranger_calls_no_function_also_where_the_schema_were_open(hostile_url, stranger):
    with connected(hostile_url) as connection:
        functions = connection.execute(
            "SELECT p.oid::regprocedure::text, p.oid FROM pg_proc AS p "
            "WHERE p.pronamespace IN ('gatewayz_auth'::regnamespace, 'public'::regnamespace)"
        ).fetchall()
        assert any(name.startswith("gatewayz_auth.sign_in(") for name, _ in functions)
        for name, oid in functions:
            may = connection.execute("SELECT has_function_privilege(%s, %s::oid, 'EXECUTE')", [stranger, oid])
            assert may.fetchone() == (False,), name
        connection.execute(f"SET ROLE {stranger}")
        refused(connection, "SELECT gatewayz_auth.close_doors()")


@both_orders
def test_row_level_security_is_on_for_every_table_and_partition_of_ours(hostile_url):
    with connected(hostile_url) as connection:
        rows = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('public', 'gatewayz_auth') AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity"
        ).fetchall()
        assert rows == []


@both_orders
def test_partition_of_a_new_region_and_what_was_opened_since_are_closed_by_migrate(hostile_url):
    with connected(hostile_url) as connection:
        connection.execute("GRANT ALL ON users, users_eu TO anon; GRANT SELECT ON users_eu TO PUBLIC")
        connection.execute("ALTER TABLE users_eu DISABLE ROW LEVEL SECURITY")
    asyncio.run(migrate(hostile_url, region="us-east"))
    with connected(hostile_url) as connection:
        secured = connection.execute("SELECT relrowsecurity FROM pg_class WHERE oid = 'users_eu'::regclass")
        assert secured.fetchone() == (True,)
        connection.execute("SET ROLE anon")
        refused(connection, 'SELECT FROM "users_us-east"')
        refused(connection, "SELECT FROM users_eu")
        refused(connection, "SELECT FROM users")


@both_orders
def test_even_with_every_grant_back_row_level_security_hides_all_rows(hostile_url):
    with connected(hostile_url) as connection:
        connection.execute("GRANT SELECT ON users, users_eu, users_default TO anon")
        connection.execute("SET ROLE anon")
        for table in ("users", "users_eu", "users_default"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608 - the test's own words


@both_orders
def test_program_that_may_write_users_keeps_the_registry_without_any_right_to_it(hostile_url):
    with connected(hostile_url) as connection:
        connection.execute("GRANT INSERT, SELECT, UPDATE ON users TO authenticated")
        connection.execute("GRANT USAGE ON SEQUENCE users_id_seq TO authenticated")
        connection.execute("CREATE POLICY all_of_it ON users TO authenticated USING (true) WITH CHECK (true)")
        connection.execute("SET ROLE authenticated")
        connection.execute("INSERT INTO users (username) VALUES ('carol')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO users (username) VALUES ('CAROL')")
