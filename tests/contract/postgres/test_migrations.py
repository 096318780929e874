"""Migrating: as often as one likes, by whom one likes, forwards and back, while others work."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest
from tests.support.accounts import CLOCK, postgres_accounts, soon
from tests.support.faulty_proxy import FaultyProxy
from tests.support.newcomers import wanted
from tests.support.serving import SETTINGS_OF_THE_MACHINE

from gatewayz_auth.adapters.postgres import migrate as module
from gatewayz_auth.adapters.postgres import migration_watch
from gatewayz_auth.adapters.postgres.embedded import binaries
from gatewayz_auth.adapters.postgres.migrate import NEWEST, migrate, migrations
from gatewayz_auth.cli.main import main
from gatewayz_auth.domain.errors import NotKnown, StartupError

FOLDER = Path(module.__file__).parent / "migrations"

_SCHEMA = """
SELECT 'column', table_schema || '.' || table_name || '.' || column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema IN ('public', 'gatewayz_auth')
UNION ALL
SELECT 'index', schemaname || '.' || indexname, indexdef, NULL, NULL
FROM pg_indexes WHERE schemaname IN ('public', 'gatewayz_auth')
UNION ALL
SELECT 'function', p.oid::regprocedure::text, p.prosrc, p.proacl::text, p.prosecdef::text
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname IN ('public', 'gatewayz_auth')
UNION ALL
SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid), NULL, NULL
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'type', t.oid::regtype::text, NULL, NULL, NULL
FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace WHERE n.nspname IN ('public', 'gatewayz_auth')
ORDER BY 1, 2, 3
"""


def rows(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_files_are_numbered_without_a_gap_and_each_can_be_taken_back():
    steps = migrations()
    assert [step.version for step in steps] == list(range(1, NEWEST + 1))
    assert all(step.up and step.down for step in steps)


def test_migrating_again_does_nothing(empty_database_url):
    first = asyncio.run(migrate(empty_database_url))
    schema = rows(empty_database_url, _SCHEMA)
    again = asyncio.run(migrate(empty_database_url))
    assert (first.before, first.after, len(first.steps)) == (0, NEWEST, NEWEST)
    assert (again.before, again.after, again.steps) == (NEWEST, NEWEST, ())
    assert rows(empty_database_url, _SCHEMA) == schema


def test_every_step_back_leaves_what_was_there_before_the_step(empty_database_url):
    asyncio.run(migrate(empty_database_url, to=1))
    before = {1: rows(empty_database_url, _SCHEMA)}
    for version in range(2, NEWEST + 1):
        asyncio.run(migrate(empty_database_url, to=version))
        before[version] = rows(empty_database_url, _SCHEMA)
    for version in range(NEWEST - 1, 0, -1):
        asyncio.run(migrate(empty_database_url, to=version))
        assert rows(empty_database_url, _SCHEMA) == before[version], version
    asyncio.run(migrate(empty_database_url, to=0))
    assert rows(empty_database_url, _SCHEMA) == []
    assert asyncio.run(migrate(empty_database_url)).after == NEWEST


def test_going_down_a_step_and_up_again_keeps_every_person(empty_database_url):
    people = "SELECT id, username, email, privy_user_id, credits FROM public.users ORDER BY id"
    asyncio.run(migrate(empty_database_url))
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO public.users (username, email, privy_user_id) "
            "SELECT 'kept-' || n, 'kept-' || n || '@example.com', 'did:privy:kept-' || n FROM generate_series(1, 50) n"
        )
    before = rows(empty_database_url, people)
    assert len(before) == 50
    for version in range(NEWEST - 1, 1, -1):  # the table itself came with the second step
        asyncio.run(migrate(empty_database_url, to=version))
        asyncio.run(migrate(empty_database_url))
        assert rows(empty_database_url, people) == before, version


def test_ten_programs_that_migrate_at_once_migrate_once(empty_database_url):
    async def all_at_once():
        return await asyncio.gather(*(migrate(empty_database_url, region="eu") for _ in range(10)))

    reports = asyncio.run(all_at_once())
    steps = [step for report in reports for step in report.steps]
    assert len(steps) == len(set(steps)) == NEWEST + 1
    assert {report.after for report in reports} == {NEWEST}


def test_database_of_a_newer_program_is_refused_and_left_alone(database_url):
    rows(
        database_url,
        "INSERT INTO gatewayz_auth.schema_version SELECT max(version) + 1, 'future' FROM gatewayz_auth.schema_version",
    )
    schema = rows(database_url, _SCHEMA)
    with pytest.raises(StartupError, match=f"version {NEWEST + 1} and this program knows only {NEWEST}"):
        asyncio.run(migrate(database_url))
    assert rows(database_url, _SCHEMA) == schema


def test_unknown_version_is_refused(database_url):
    with pytest.raises(StartupError, match="no schema version"):
        asyncio.run(migrate(database_url, to=NEWEST + 1))


def test_foreign_table_of_the_same_name_is_said_and_nothing_is_left_half_done(empty_database_url):
    rows(empty_database_url, "CREATE TABLE public.api_keys (id integer)")
    with pytest.raises(StartupError, match="api_keys"):
        asyncio.run(migrate(empty_database_url))
    assert rows(empty_database_url, "SELECT max(version) FROM gatewayz_auth.schema_version") == [(2,)]
    rows(empty_database_url, "DROP TABLE public.api_keys")
    assert asyncio.run(migrate(empty_database_url)).before == 2


def test_another_migration_that_does_not_end_is_waited_for_some_seconds_and_named(
    database_url, tmp_path, monkeypatch, capsys
):
    for name in SETTINGS_OF_THE_MACHINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    with psycopg.connect(database_url, application_name="another") as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", [module._LOCK_KEY])
        pid = holder.info.backend_pid
        began_s = CLOCK.monotonic_s()
        assert main(["migrate"]) == 1
        took_s = CLOCK.monotonic_s() - began_s
        holder.rollback()
    said = capsys.readouterr().err
    assert f"Another migration runs: process {pid} (another, idle in transaction for " in said
    assert said.endswith(f"SELECT pg_terminate_backend({pid})\n")
    assert len(said.splitlines()) == 1
    assert 4 < took_s < 8


def test_whoever_holds_a_table_that_a_step_needs_is_named_with_what_ends_it(database_url, monkeypatch):
    monkeypatch.setattr(module, "LOCK_LIMIT_S", 1)
    told = []
    with psycopg.connect(database_url, application_name="report") as holder:
        holder.execute("SELECT count(*) FROM public.users")
        pid = holder.info.backend_pid
        with pytest.raises(StartupError) as refused:
            asyncio.run(migrate(database_url, to=1, tell=told.append))
        holder.rollback()
    said = str(refused.value)
    assert re.search(rf"waited 1 s for a lock on \S+ that process {pid} \(report, idle in transaction for", said), said
    assert f"End it: SELECT pg_terminate_backend({pid}), then migrate again" in said
    assert f"waits for process {pid} (report)" in told


def test_a_server_that_freezes_in_the_middle_of_a_step_ends_it_in_time(
    postgres_server, empty_database_url, monkeypatch
):
    monkeypatch.setattr(migration_watch, "SILENT_LOOKS", 1)
    with FaultyProxy(f"{postgres_server.socket_folder}/.s.PGSQL.5432") as proxy:
        proxy.on_question = lambda data: proxy._freeze() if b"CREATE TABLE" in data else None
        database = empty_database_url.split("@/")[1].split("?")[0]
        began_s = CLOCK.monotonic_s()
        with pytest.raises(NotKnown, match="silent in the middle"):
            asyncio.run(migrate(f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}?sslmode=disable"))
        assert CLOCK.monotonic_s() - began_s < 6


def test_plain_psql_applies_the_same_files(empty_database_url, database_url):
    psql = binaries() / "psql"
    program = str(psql) if psql.exists() else shutil.which("psql")
    for step in sorted(FOLDER.glob("*.up.sql")):
        subprocess.run(
            [program, "-1", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(step), empty_database_url],
            check=True, capture_output=True,
        )  # fmt: skip
    assert rows(empty_database_url, _SCHEMA) == rows(database_url, _SCHEMA)
    assert asyncio.run(migrate(empty_database_url)).steps == ()


def test_people_who_joined_before_their_region_had_a_partition_move_into_it(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, _):
            first = await accounts.find_or_make(wanted("did:privy:ada", region="eu", username="ada"), soon())
            await accounts.find_or_make(wanted("did:privy:bob", region="default"), soon())
            report = await migrate(database_url, region="eu")
            assert report.steps == ("partition for region eu",)
            again = await accounts.find_or_make(wanted("did:privy:ada"), soon())
            assert (again.account, again.key) == (first.account, first.key)

    asyncio.run(story())
    assert rows(database_url, "SELECT tableoid::regclass::text, region FROM users ORDER BY 1") == [
        ("users_default", "default"),
        ("users_eu", "eu"),
    ]
    with pytest.raises(psycopg.errors.UniqueViolation):
        rows(database_url, "INSERT INTO users (username) VALUES ('ADA')")
    rows(database_url, "UPDATE users SET tier = 'pro' WHERE region = 'eu'")
    assert rows(database_url, "SELECT count(*) FROM gatewayz_auth.changes") == [(1,)]


def test_people_sign_in_and_up_while_everything_is_migrated_again(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, _):
            done = asyncio.Event()

            async def sign_in_all_the_time():
                count = 0
                while not done.is_set():
                    await accounts.find_or_make(wanted("did:privy:ada" if count % 2 else None), soon())
                    count += 1
                return count

            busy = asyncio.ensure_future(sign_in_all_the_time())
            for region in ("eu", "us", "asia"):
                await migrate(database_url, region=region)
            done.set()
            assert await busy > 3

    asyncio.run(story())


def test_names_are_compared_alike_in_every_script(database_url):
    assert rows(
        database_url,
        "SELECT gatewayz_auth.name_key('\uff21da'), gatewayz_auth.name_key('STRA\u00dfE \u00c9'), "
        "gatewayz_auth.name_key('\u0414\u0410'), gatewayz_auth.name_key(''), gatewayz_auth.name_key(NULL)",
    ) == [("ada", "stra\u00dfe \u00e9", "\u0434\u0430", None, None)]


def test_step_that_does_not_write_its_number_is_said_and_not_taken_for_ever(database_url, monkeypatch):
    steps = migrations()
    forgetful = module.Migration(NEWEST + 1, "forgetful", "SELECT 1;", "SELECT 1;")
    monkeypatch.setattr(module, "migrations", lambda: (*steps, forgetful))
    monkeypatch.setattr(module, "NEWEST", NEWEST + 1)
    with pytest.raises(StartupError, match="forgetful does not write its number"):
        asyncio.run(migrate(database_url))
    assert rows(database_url, "SELECT max(version) FROM gatewayz_auth.schema_version") == [(NEWEST,)]
