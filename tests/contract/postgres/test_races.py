"""Everybody at once: one account where it is one person, two where it is two, and no deadlock."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from tests.support.accounts import postgres_accounts, soon
from tests.support.newcomers import wanted

ROOT = Path(__file__).parents[3]

_SLOW_INSERT = """
CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$;
CREATE TRIGGER nap BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION nap();
"""


@pytest.fixture
def slow_url(database_url):
    """Inserts of people take 50 ms, so that whoever can race does."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_SLOW_INSERT.format(table="users"))
    return database_url


def rows(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement).fetchall()


async def together(url, asked, max_size=20):
    """All sign-ins of ``asked`` at the same instant."""
    async with postgres_accounts(url, max_size=max_size) as (accounts, _):
        return await asyncio.gather(*(accounts.find_or_make(one, soon(30)) for one in asked))


_OTHER_PROCESS = """
import asyncio, json, sys
from tests.contract.postgres.test_races import together
from tests.support.newcomers import wanted
people = [wanted("did:privy:ada", username="ada", verified_email="ada@example.com") for _ in range(100)]
sys.stdin.readline()
found = asyncio.run(together(sys.argv[1], people))
print(json.dumps([[one.account.user_id, str(one.key.key_id), one.is_new] for one in found]))
"""


def test_200_first_sign_ins_of_one_person_over_two_processes_make_one_account_and_one_key(slow_url):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _OTHER_PROCESS, slow_url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in processes:
        process.stdin.write("now\n")
        process.stdin.flush()
    answers = [answer for process in processes for answer in json.loads(process.communicate(timeout=60)[0])]
    assert len(answers) == 200
    assert len({(user_id, key_id) for user_id, key_id, _ in answers}) == 1
    assert sum(is_new for _, _, is_new in answers) == 1
    assert rows(slow_url, "SELECT count(*) FROM users") == [(1,)]
    assert rows(slow_url, "SELECT count(*) FROM api_keys") == [(1,)]
    assert rows(slow_url, "SELECT kind FROM gatewayz_auth.identities ORDER BY kind") == [
        ("email",),
        ("privy",),
        ("username",),
    ]


def test_missing_key_of_a_known_person_is_made_once_by_100_at_once(database_url):
    asyncio.run(together(database_url, [wanted("did:privy:ada")]))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_SLOW_INSERT.format(table="api_keys"))
    found = asyncio.run(together(database_url, [wanted("did:privy:ada", environment_tag="test") for _ in range(100)]))
    assert len({one.key.key_id for one in found}) == 1
    assert rows(database_url, "SELECT count(*) FROM api_keys WHERE environment_tag = 'test'") == [(1,)]


def test_many_people_who_race_for_one_username_all_get_an_account_and_one_gets_the_name(slow_url):
    found = asyncio.run(together(slow_url, [wanted(username="ada") for _ in range(20)]))
    names = [one.account.username for one in found]
    assert len(set(names)) == 20
    assert names.count("ada") == 1


def test_many_people_who_race_for_one_verified_email_all_get_an_account_and_one_gets_the_email(slow_url):
    found = asyncio.run(together(slow_url, [wanted(verified_email="ada@example.com") for _ in range(20)]))
    assert len({one.account.user_id for one in found}) == 20
    owners = [one.account.user_id for one in found if one.account.email == "ada@example.com"]
    assert len(owners) == 1
    assert rows(slow_url, "SELECT user_id FROM gatewayz_auth.identities WHERE kind = 'email'") == [(owners[0],)]


def test_people_who_race_for_each_others_names_and_emails_never_deadlock(slow_url):
    asked = [
        wanted(f"did:privy:p{number % 8}", username=f"name{number % 3}", verified_email=f"mail{number % 5}@example.com")
        for number in range(120)
    ]
    found = asyncio.run(together(slow_url, asked, max_size=40))
    by_person = {}
    for one in found:
        by_person.setdefault(one.account.privy_user_id, set()).add(one.account.user_id)
    assert len(by_person) == 8
    assert all(len(user_ids) == 1 for user_ids in by_person.values())
    emails = rows(slow_url, "SELECT email FROM users WHERE email IS NOT NULL")
    assert len(emails) == len(set(emails))
    assert rows(slow_url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]


def test_account_from_before_privy_is_linked_to_one_of_many_who_prove_its_email_at_once(slow_url):
    legacy = rows(slow_url, "INSERT INTO users (username, email) VALUES ('old', 'ada@example.com') RETURNING id")[0][0]
    found = asyncio.run(together(slow_url, [wanted(verified_email="ada@example.com") for _ in range(20)]))
    assert [one.account.user_id for one in found].count(legacy) == 1
    assert len({one.account.user_id for one in found}) == 20


def test_account_from_before_privy_is_linked_once_to_one_person_who_comes_many_times_at_once(slow_url):
    legacy = rows(slow_url, "INSERT INTO users (username, email) VALUES ('old', 'ada@example.com') RETURNING id")[0][0]
    found = asyncio.run(
        together(slow_url, [wanted("did:privy:a", verified_email="ada@example.com") for _ in range(50)])
    )
    assert {one.account.user_id for one in found} == {legacy}


def test_guest_who_proves_an_account_many_times_at_once_is_credited_once(database_url):
    guest = wanted("did:privy:g", is_guest=True, is_proven=False, credits=0)
    asyncio.run(together(database_url, [guest]))
    found = asyncio.run(together(database_url, [wanted("did:privy:g") for _ in range(50)]))
    assert {(one.account.is_guest, one.account.credits) for one in found} == {(False, 3)}
    assert rows(database_url, "SELECT sum(amount) FROM credit_entries") == [(3,)]


def test_loser_of_a_race_makes_the_account_where_the_winner_dies(slow_url):
    async def story():
        async with postgres_accounts(slow_url) as (accounts, _):
            async with await psycopg.AsyncConnection.connect(slow_url) as winner:
                await winner.execute(
                    "INSERT INTO gatewayz_auth.identities VALUES ('privy', 'did:privy:ada', 999, 'default')"
                )
                loser = asyncio.ensure_future(accounts.find_or_make(wanted("did:privy:ada"), soon()))
                async with await psycopg.AsyncConnection.connect(slow_url, autocommit=True) as watcher:
                    while not await _is_anybody_waiting(watcher):
                        await asyncio.sleep(0.01)
                await winner.rollback()
            found = await loser
            assert found.is_new
            assert found.account.user_id != 999

    asyncio.run(story())


async def _is_anybody_waiting(connection):
    cursor = await connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return (await cursor.fetchone())[0] > 0
