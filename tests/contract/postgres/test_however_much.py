"""What is looked at every few seconds passes by nothing of all that there is besides."""

import re

import psycopg
import pytest

from gatewayz_auth.adapters.postgres.statements import statement

MANY = 20_000

_CHANGES = (
    "INSERT INTO gatewayz_auth.changes (kind, user_id, privy_user_id, username, takes_away)"
    " SELECT 'user', n, 'did:privy:x' || n, 'x' || n, %s FROM generate_series(1, %s) AS n"
)


@pytest.fixture
def plain(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # rows without whom they belong to
        yield connection


def touched(plain, name, parameters):
    """Blocks of 8 kB that the statement looks at, by its plan."""
    with plain.transaction(force_rollback=True):
        plan = plain.execute(b"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) " + statement(name), parameters).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "Seq Scan on changes" not in text, text
    assert "Seq Scan on mail_outbox" not in text, text
    assert "Seq Scan on audit" not in text, text
    first = next(line for line in text.splitlines() if "Buffers: shared" in line)
    return sum(int(count) for count in re.findall(r"(?:hit|read)=(\d+)", first))


@pytest.mark.parametrize("is_analyzed", [False, True])
def test_trimming_passes_by_nothing_that_was_taken_of_late_however_much_it_is(plain, is_analyzed):
    plain.execute(_CHANGES, [True, MANY])
    plain.execute(_CHANGES, [False, 20])
    plain.execute("UPDATE gatewayz_auth.changes SET at = now() - interval '2 days' WHERE user_id <= 10 AND takes_away")
    if is_analyzed:
        plain.execute("VACUUM ANALYZE gatewayz_auth.changes")
    snapshot = plain.execute("SELECT pg_current_snapshot()::text").fetchone()[0]
    parameters = {"snapshot": snapshot, "max_rows": 50, "taken_s": 90_000.0}
    assert touched(plain, "trim_changes", parameters) < 400
    assert plain.execute(statement("trim_changes"), parameters).fetchone() == (30,)
    assert plain.execute("SELECT count(*) FROM gatewayz_auth.changes").fetchone() == (MANY - 10,)


@pytest.mark.parametrize("status", ["sent", "waiting", "failed"])
def test_how_the_outbox_stands_costs_the_same_however_much_was_ever_owed(plain, status):
    plain.execute(
        "INSERT INTO gatewayz_auth.mail_outbox (user_id, kind, once, status, created_at, ended_at)"
        " SELECT n, 'referral_rewarded', n, %s, now() - n * interval '1 s',"
        " CASE WHEN %s <> 'waiting' THEN now() - interval '4 days' END FROM generate_series(1, %s) AS n",
        [status, status, MANY],
    )
    plain.execute("VACUUM ANALYZE gatewayz_auth.mail_outbox")
    assert touched(plain, "mail_state", {}) < 1500
    waiting, oldest_s, failed = plain.execute(statement("mail_state")).fetchone()
    assert (waiting, failed) == (1000 if status == "waiting" else 0, 0)
    assert (oldest_s is None) == (status != "waiting")
    assert oldest_s is None or oldest_s >= MANY


def test_what_operators_did_to_somebody_is_found_among_all_that_they_did(plain):
    plain.execute(
        "INSERT INTO gatewayz_auth.audit (who, what, subject) SELECT 'grace', 'disable', 'user ' || n"
        " FROM generate_series(1, %s) AS n",
        [MANY],
    )
    parameters = {"subjects": ["user 7", "user 9", "user 7"], "most": 10}
    assert touched(plain, "audit_about", parameters) < 40
    assert [row[4] for row in plain.execute(statement("audit_about"), parameters)] == ["user 9", "user 7"]
