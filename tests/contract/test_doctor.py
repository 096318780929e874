"""Each thing that can be wrong with the database is found, once provoked, and nothing is said that was typed."""

import asyncio
import json
import threading

import psycopg
import pytest
from tests.support.examined import CLOCK, REQUIRED, examined, findings, held, settings_with
from tests.support.faulty_proxy import FaultyProxy

from gatewayz_auth import bootstrap_doctor
from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.postgres import doctor_findings
from gatewayz_auth.adapters.postgres.doctor import Examined, Limits
from gatewayz_auth.adapters.postgres.doctor_load import line_of
from gatewayz_auth.adapters.reach import Reach, Step
from gatewayz_auth.cli.main import main
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.service.findings import Severity

SECRET = "ada.lovelace@example.com"
ADA = (
    "INSERT INTO users (privy_user_id, username, email, region) "
    "VALUES ('did:privy:hidden', 'ada', 'ada.lovelace@example.com', 'default')"
)
ALL = Limits(idle_in_transaction_s=0.0, blocked_s=0.0, scanned_rows=0, scans=1, unused_bytes=0, dead_rows=1, calls=1)


def run(url, *statements):
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def through(proxy, url):
    database = url.split("@/")[1].split("?")[0]
    return f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}?sslmode=disable&gssencmode=disable"


@pytest.fixture
def proxy(postgres_server):
    with FaultyProxy(f"{postgres_server.socket_folder}/.s.PGSQL.5432") as made:
        yield made


def test_a_healthy_database_has_nothing_worse_than_a_notice(database_url):
    found = findings(settings_with(database_url))
    bad = {name for name, one in found.items() if one.severity is not Severity.NOTICE}
    assert not {name for name in bad if not name.startswith("redis")}
    assert found["statements-unknown"].do.startswith("Add pg_stat_statements")


@pytest.fixture
def told_by_doctor(monkeypatch, tmp_path, capsys):
    """What the command answers with these neighbours, in a folder where no service runs."""

    def tell(*words, **neighbours):
        monkeypatch.chdir(tmp_path)
        for name, value in (REQUIRED | neighbours).items():
            monkeypatch.setenv(name, value)
        code = main(["doctor", *words])
        return code, capsys.readouterr().out

    return tell


def test_version_uptime_latency_and_the_time_of_each_step_are_told_when_all_is_well(
    database_url, redis_url, told_by_doctor
):
    _, said = told_by_doctor("--json", DATABASE_URL=database_url, REDIS_URL=redis_url)
    told = json.loads(said)["neighbours"]
    assert list(told) == ["postgres", "redis"]
    for name, version, steps in (
        ("postgres", "1", ["socket", "login", "first query"]),
        ("redis", "Valkey ", ["socket", "login", "first query", "write"]),
    ):
        one = told[name]
        assert one["version"].startswith(version)
        assert one["uptime_s"] >= 0
        assert 0 < one["latency_ms"] < 1000
        assert [step["name"] for step in one["steps"]] == steps
        assert all(step["took_ms"] > 0 and step["problem"] is None for step in one["steps"])
    _, text = told_by_doctor(DATABASE_URL=database_url, REDIS_URL=redis_url)
    assert told["postgres"]["version"].split()[0] in text
    assert told["redis"]["version"] in text
    assert "first query" in text


def test_who_blocks_whom_on_which_table_and_the_statement_that_ends_it(database_url):
    run(database_url, ADA)
    with psycopg.connect(database_url) as blocker, psycopg.connect(database_url, autocommit=True) as waiter:
        change = "UPDATE users SET display_name = 'x' WHERE email = 'ada.lovelace@example.com'"
        with held(blocker, change) as blocking_pid:
            waiting_pid = waiter.info.backend_pid
            thread = threading.Thread(target=lambda: waiter.execute(change))
            thread.start()
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = %s"
            with psycopg.connect(database_url, autocommit=True) as watcher:
                ask = (waiting_pid,)
                assert wait_until(lambda: watcher.execute(waits, ask).fetchone()[0], CLOCK, 10)
            found = findings(settings_with(database_url), limits=ALL)
        thread.join(10)
    one = found["lock-blocking"]
    assert f"Process {blocking_pid} blocks {waiting_pid} on users" in one.title
    assert one.do == f"End it: SELECT pg_terminate_backend({blocking_pid})"
    assert f"Process {blocking_pid}" in found["idle-in-transaction"].title
    assert SECRET not in str(found)


def drop_index(url):
    name = next(name for name in doctor_findings.expected_indexes() if name == "api_keys_one_primary")
    run(url, f"DROP INDEX {name}")


def older_schema(url):
    run(url, "DELETE FROM gatewayz_auth.schema_version WHERE version > 8")


def no_schema(url):
    run(url, "DROP SCHEMA gatewayz_auth CASCADE")


def unused_index(url):
    run(url, "CREATE INDEX nobodys ON users (display_name)", "SELECT pg_stat_force_next_flush()")


def dead_rows(url):
    run(
        url,
        "INSERT INTO users (username, region) VALUES ('ada', 'default')",
        *["UPDATE users SET credits = credits"] * 3,
        "SELECT pg_stat_force_next_flush()",
    )


def crowded(url):
    database = url.split("@/")[1].split("?")[0]
    run(url, f"ALTER DATABASE {database} CONNECTION LIMIT 1")


def serializable(url):
    database = url.split("@/")[1].split("?")[0]
    run(url, f"ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'")


@pytest.mark.parametrize(
    ("provoke", "finding"),
    [
        (drop_index, "index-missing"),
        (older_schema, "schema-old"),
        (no_schema, "schema-missing"),
        (unused_index, "index-unused"),
        (dead_rows, "table-bloated"),
        (crowded, "connections-near-limit"),
        (serializable, "postgres-isolation"),
    ],
)
def test_what_is_wrong_is_found(provoke, finding, database_url):
    provoke(database_url)
    found = findings(settings_with(database_url), limits=ALL)
    assert finding in found, found
    assert found[finding].do


def test_a_statement_is_told_on_one_line_without_its_values():
    told = line_of("SELECT *\n  FROM users WHERE email = 'ada.lovelace@example.com' AND id = 4711 AND username = $1")
    assert told == "SELECT * FROM users WHERE email = '…' AND id = … AND username = $1"


def test_every_index_of_the_migrations_is_expected_and_there(database_url):
    expected = doctor_findings.expected_indexes()
    assert "api_keys_one_primary" in expected
    assert "index-missing" not in findings(settings_with(database_url))


@pytest.mark.parametrize(
    ("url", "step", "why"),
    [
        ("postgresql://u:{secret}@nowhere.invalid/x", "name", "its host name was not found"),
        ("postgresql://u:{secret}@127.0.0.1:1/x", "tcp", "nothing listens there"),
        ("postgresql://u:{secret}@/x?host=/nowhere", "socket", "nothing listens there"),
    ],
)
def test_the_step_that_was_not_taken_is_named_and_no_password(url, step, why):
    found = findings(settings_with(url.format(secret="s3cret-word")))
    assert why in found["postgres-unreachable"].title
    assert f"step '{step}'" in found["postgres-unreachable"].detail
    assert "s3cret-word" not in str(found)


def test_a_user_that_is_not_let_in_fails_at_the_login(database_url):
    found = findings(settings_with(database_url.replace("postgres@", "nobody:s3cret-word@")))
    assert "step 'login'" in found["postgres-unreachable"].detail
    assert "s3cret-word" not in str(found)


def test_a_frozen_database_is_a_finding_and_not_a_hang(proxy, database_url):
    proxy.freeze()
    found, took_s = examined(settings_with(through(proxy, database_url)))
    one = next(one for one in found.findings(Limits(), 0.0) if one.id == "postgres-unreachable")
    assert one.title == "Postgres does not answer: connected, then silent at the step 'login' (no answer in 2 s)"
    assert "step 'login'" in one.detail
    assert one.do.startswith("It takes connections and answers nothing: thaw or restart")
    assert "password" not in str(one)
    assert took_s < 6


def test_a_database_that_answers_the_login_alone_is_silent_at_the_first_query(proxy, database_url):
    def on_question(data):
        if b"SELECT 1" in data:
            proxy._freeze()  # at once: we are called where it is carried out

    proxy.on_question = on_question
    found, _ = examined(settings_with(through(proxy, database_url)))
    one = next(one for one in found.findings(Limits(), 0.0) if one.id == "postgres-unreachable")
    assert one.title.startswith("Postgres does not answer: connected, then silent at the step 'first query'")
    assert "password" not in str(one)


@pytest.mark.parametrize(
    ("why", "names_it"),
    [
        ("it does not accept the user or the password", True),
        ("it has too many connections", False),
        ("it is starting up", False),
        ("the connection failed", False),
    ],
)
def test_the_password_is_named_where_the_server_refused_it_alone(why, names_it):
    found = Examined(Reach("postgres", CLOCK, Abandoned(), steps=[Step("login", 0.1, why)]), f"login: {why}")
    (one,) = doctor_findings.judge(found, Limits())
    assert ("password" in one.do) is names_it


def test_a_database_that_freezes_half_way_is_told_with_what_was_heard(proxy, database_url):
    def on_question(data):
        if b"pg_blocking_pids" in data:
            threading.Thread(target=proxy.freeze).start()

    proxy.on_question = on_question
    found, took_s = examined(settings_with(through(proxy, database_url)))
    assert found.postgres.trip_s is not None
    assert found.postgres.unheard
    assert took_s < 10


def test_a_database_far_away_is_measured(proxy, database_url):
    proxy.delay(0.11)
    assert "postgres-far" in findings(settings_with(through(proxy, database_url)))


def test_the_plan_of_the_one_statement_is_real_names_nobody_and_leaves_nothing(database_url):
    run(database_url, ADA)
    told = asyncio.run(bootstrap_doctor.explain(settings_with(database_url)))
    assert "a person who is known" in told
    assert "Index Scan using identities_pkey" in told
    assert "actual time" in told
    assert "did:privy:hidden" not in told
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*), max(last_sign_in_at) FROM users").fetchone() == (1, None)
