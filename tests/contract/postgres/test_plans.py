"""What the one statement costs on a large table: index scans only."""

import asyncio
import re

import psycopg
import pytest
from tests.support.accounts import postgres_accounts, soon
from tests.support.newcomers import wanted

PEOPLE = 10_000

_FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, privy_user_id, username, email, region)
SELECT n, 'did:privy:u' || n, 'user' || n, 'mail' || n || '@example.com', 'default' FROM generate_series(1, {PEOPLE}) n;
INSERT INTO gatewayz_auth.accounts SELECT id, region FROM users;
INSERT INTO gatewayz_auth.identities
SELECT v.kind, v.subject, u.id, u.region FROM users u,
    LATERAL (VALUES ('privy', u.privy_user_id), ('email', u.email), ('username', u.username)) v (kind, subject);
INSERT INTO api_keys (id, user_id, environment_tag, prefix, digest, digest_key_id, sealed, owner_tag)
SELECT gen_random_uuid(), id, 'live', 'gw_live_abcd', sha256(id::text::bytea), 'k1', 'x', 'x' FROM users;
INSERT INTO credit_entries (user_id, amount, kind) SELECT id, 3, 'opening' FROM users;
INSERT INTO referrals (referred_user_id, referral_code) SELECT id, 'CODE' FROM users;
INSERT INTO gatewayz_auth.procrastinate_jobs (task_name, queue_name, status)
SELECT 'settle_referrals', 'referrals', 'succeeded' FROM generate_series(1, {PEOPLE});
SELECT setval('users_id_seq', {PEOPLE});
RESET session_replication_role;
ANALYZE;
"""  # noqa: S608 - the test's own words


_EXPLAIN = (
    "LOAD 'auto_explain'",
    "SET auto_explain.log_min_duration = 0",
    "SET auto_explain.log_nested_statements = on",
    "SET auto_explain.log_level = notice",
    "SET client_min_messages = notice",
)


@pytest.fixture
def plans(database_url):
    """The plans of every statement inside the functions while a story runs, as the server tells them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_FILL)

    def of(*asked):
        told = []

        async def story():
            async with postgres_accounts(database_url, max_size=1) as (accounts, pool):
                async with pool.connection(5) as connection:
                    connection.add_notice_handler(lambda notice: told.append(notice.message_primary))
                    for setting in _EXPLAIN:
                        await connection.execute(setting)
                told.clear()
                return [await accounts.find_or_make(one, soon()) for one in asked]

        found = asyncio.run(story())
        return "\n".join(told), found

    return of


def assert_index_scans_only(plans):
    assert "Index Scan" in plans
    scans = re.findall(r"(Seq Scan|Bitmap Heap Scan|Sort|Hash Join) on? ?([\w.]*)", plans)
    assert [scan for scan in scans if not scan[1].startswith("pg_")] == [], plans


def test_hit_reads_by_index_alone(plans):
    told, (found,) = plans(wanted("did:privy:u77"))
    assert found.account.user_id == 77
    assert_index_scans_only(told)


def test_sign_up_with_everything_reads_by_index_alone(plans):
    told, (found,) = plans(wanted(username="user5", verified_email="mail6@example.com", referral_code="x"))
    assert found.is_new
    assert_index_scans_only(told)


def test_linking_and_proving_read_by_index_alone(plans, database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE users SET privy_user_id = NULL WHERE id = 8")
        connection.execute("UPDATE users SET is_guest = true, email = NULL WHERE id = 9")
        connection.execute("ANALYZE")
    told, (linked, proven) = plans(
        wanted("did:privy:new", verified_email="mail8@example.com"),
        wanted("did:privy:u9", verified_email="new@example.com", full_credits=5),
    )
    assert linked.account.user_id == 8
    assert (proven.account.is_guest, proven.account.email) == (False, "new@example.com")
    assert_index_scans_only(told)


def test_look_ups_and_the_reading_of_changes_use_indexes(plans, database_url):
    plans()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO gatewayz_auth.changes (kind, user_id, takes_away) SELECT 'user', id, false FROM users"
        )
        connection.execute("ANALYZE gatewayz_auth.changes")
        for statement in (
            "SELECT * FROM gatewayz_auth.changes WHERE xact >= pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xact",
            "DELETE FROM users WHERE id = 5",
            "SELECT * FROM users WHERE privy_user_id = 'did:privy:u5'",
            "SELECT * FROM users WHERE username = 'user5'",
            "SELECT * FROM users WHERE email = 'mail5@example.com'",
        ):
            plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {statement}"))
            assert "Seq Scan" not in plan, plan


def test_sets_of_referrals_read_by_index_alone_by_one_plan_for_all_and_with_no_call_for_each(plans, database_url):
    plans()
    told = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO gatewayz_auth.referral_codes (code, user_id) VALUES ('CODE', 1)")
        connection.execute("UPDATE referrals SET next_try_at = now() - interval '1 minute'")
        connection.execute("VACUUM ANALYZE referrals")
        for setting in _EXPLAIN:
            connection.execute(setting)
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary))
        verdicts = connection.execute(
            "SELECT (gatewayz_auth.settle_referrals(10, 10, 5, NULL, NULL, NULL, NULL)).status"
        ).fetchall()
    assert len(verdicts) == 10
    (judging,) = [plan for plan in told if "WITH mine AS" in plan]
    assert re.search(r"id = ANY \(\$\d+\)", judging), judging  # the ids are no part of the plan
    assert "Seq Scan" not in "\n".join(told)
    assert not any("CASE" in plan.split("Query Text:")[1][:20] for plan in told), "the mailbox is an expression"
