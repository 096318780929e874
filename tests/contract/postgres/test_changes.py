"""Whoever changes a user or a key is noticed by every reader, once, also where commits overtake each other."""

import asyncio

import psycopg
import pytest
from tests.support.accounts import CLOCK, postgres_accounts, soon
from tests.support.manual_clock import ManualClock
from tests.support.newcomers import wanted

from gatewayz_auth.adapters.postgres import changes as changes_module
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.changes import PostgresChanges
from gatewayz_auth.adapters.postgres.directory import PostgresDirectory
from gatewayz_auth.adapters.postgres.statements import statement
from gatewayz_auth.reliability.abandoned import Abandoned


@pytest.fixture
def on(database_url):
    """Runs a story with accounts, a reader that stands at their beginning, and a connection of another program."""

    def run(story, clock=CLOCK):
        async def all_of_it():
            async with (
                postgres_accounts(database_url) as (accounts, pool),
                await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other,
            ):
                call = GuardedCall(clock, Abandoned())
                reader = PostgresChanges(pool, call, clock, 2.0)
                assert (await reader.read()).is_gap
                found = await accounts.find_or_make(wanted("did:privy:ada", username="ada"), soon())
                directory = PostgresDirectory(pool, call, clock, 2.0)
                await story(accounts=accounts, reader=reader, other=other, user_id=found.account.user_id, at=directory)

        asyncio.run(all_of_it())

    return run


async def told(reader):
    read = await reader.read()
    assert not read.is_gap
    return [(change.privy_user_id, change.username, change.takes_away) for change in read.changes]


def test_sign_up_and_hit_are_no_change(on):
    async def story(accounts, reader, **_):
        await accounts.find_or_make(wanted("did:privy:ada"), soon())
        await accounts.find_or_make(wanted(referral_code="x"), soon())
        assert await told(reader) == []

    on(story)


@pytest.mark.parametrize(
    ("statement", "takes_away"),
    [
        ("UPDATE users SET is_active = false", True),
        ("UPDATE users SET credits = credits - 1", False),
        ("UPDATE users SET tier = 'pro'", False),
        ("UPDATE users SET subscription_status = 'expired'", True),
        ("UPDATE api_keys SET revoked_at = now()", True),
        ("DELETE FROM api_keys", True),
        ("DELETE FROM users", True),
    ],
)
def test_plain_sql_by_another_program_is_told_once(on, statement, takes_away):
    async def story(reader, other, **_):
        await other.execute(statement)
        assert await told(reader) == [("did:privy:ada", "ada", takes_away)]
        assert await told(reader) == []
        await other.execute("UPDATE users SET last_sign_in_at = now()")
        assert await told(reader) == []

    on(story)


def test_new_key_of_a_known_person_is_told_and_takes_nothing_away(on):
    async def story(accounts, reader, **_):
        await accounts.find_or_make(wanted("did:privy:ada", environment_tag="test"), soon())
        assert await told(reader) == [("did:privy:ada", "ada", False)]

    on(story)


def test_old_and_new_names_are_both_told(on):
    async def story(reader, other, **_):
        await other.execute("UPDATE users SET privy_user_id = 'did:privy:new', username = 'Neu'")
        assert await told(reader) == [("did:privy:ada", "ada", True), ("did:privy:new", "neu", False)]

    on(story)


def test_truncate_is_a_gap_of_which_nothing_older_is_known(on):
    async def story(reader, other, **_):
        before = (await reader.read()).version
        await other.execute("TRUNCATE users")
        read = await reader.read()
        assert read.is_gap
        assert before < read.floor <= read.version

    on(story)


def another(reader):
    """A reader of a process that has just started."""
    return PostgresChanges(reader._pool, reader._call, CLOCK, 2.0)


def test_a_reader_that_has_just_started_is_told_what_was_taken_away_and_of_nothing_else(on):
    async def story(reader, other, **_):
        await other.execute("UPDATE users SET tier = 'pro'")
        await other.execute("UPDATE users SET is_active = false")
        read = await another(reader).read()
        assert read.is_gap
        assert [(change.privy_user_id, change.takes_away) for change in read.changes] == [("did:privy:ada", True)]
        assert read.changes[0].change_id <= read.version
        assert read.floor == 0  # nothing that was taken away is unknown

    on(story)


def test_a_reader_that_was_silent_for_too_long_is_told_what_was_taken_away_before_it_fell_silent_too(on, monkeypatch):
    async def story(reader, other, **_):
        await other.execute("UPDATE users SET is_active = false")
        assert await told(reader) == [("did:privy:ada", "ada", True)]
        monkeypatch.setattr(changes_module, "MAX_SILENCE_S", 0.0)
        read = await reader.read()
        assert read.is_gap
        assert [change.privy_user_id for change in read.changes] == ["did:privy:ada"]

    on(story)


def test_where_more_was_taken_away_than_is_told_the_floor_says_up_to_where_nothing_is_known(on, monkeypatch):
    monkeypatch.setattr(changes_module, "MAX_CHANGES", 2)

    async def story(reader, other, **_):
        for number in range(4):
            await other.execute("UPDATE users SET is_active = %s", [number % 2 == 1])
            await other.execute("UPDATE api_keys SET revoked_at = now() WHERE revoked_at IS NULL")
            await other.execute("UPDATE api_keys SET revoked_at = NULL")
        read = await another(reader).read()
        assert read.is_gap
        assert len(read.changes) == 3  # the newest
        assert read.floor == read.changes[0].change_id > 0

    on(story)


def test_change_that_commits_after_a_later_one_is_not_missed_and_outdates_what_was_asked_meanwhile(on):
    async def story(reader, other, accounts, **_):
        await accounts.find_or_make(wanted("did:privy:bob", username="bob"), soon())
        url = other.info.dsn
        async with await psycopg.AsyncConnection.connect(url) as slow:
            await slow.execute("UPDATE users SET tier = 'pro' WHERE username = 'ada'")
            await other.execute("UPDATE users SET tier = 'pro' WHERE username = 'bob'")
            first = await reader.read()
            assert [change.username for change in first.changes] == ["bob"]
            asked_meanwhile = first.version
            await slow.commit()
        second = await reader.read()
        assert [change.username for change in second.changes] == ["ada"]
        assert second.changes[0].change_id > asked_meanwhile
        assert await told(reader) == []
        assert second.changes[0].change_id <= (await reader.read()).version

    on(story)


def test_reader_that_was_silent_for_too_long_is_told_of_a_gap(on, monkeypatch):
    monkeypatch.setattr(changes_module, "MAX_SILENCE_S", 0.0)

    async def story(reader, **_):
        assert (await reader.read()).is_gap

    on(story)


def test_more_changes_than_one_reading_tells_are_a_gap(on, monkeypatch):
    monkeypatch.setattr(changes_module, "MAX_CHANGES", 3)

    async def story(reader, other, **_):
        for _ in range(4):
            await other.execute("UPDATE users SET credits = credits + 1")
        assert (await reader.read()).is_gap
        assert await told(reader) == []

    on(story)


def test_after_a_gap_the_reader_is_told_by_name_of_what_else_changed_since_it_last_read(on, monkeypatch):
    async def story(reader, other, **_):
        await other.execute("UPDATE users SET credits = credits + 1")
        assert await told(reader) == [("did:privy:ada", "ada", False)]
        await other.execute("UPDATE users SET tier = 'pro'")
        monkeypatch.setattr(changes_module, "MAX_SILENCE_S", 0.0)
        read = await reader.read()
        assert read.is_gap
        assert [(change.privy_user_id, change.takes_away) for change in read.changes] == [("did:privy:ada", False)]
        assert read.floor == 0

    on(story)


def test_more_gains_than_are_told_are_no_reason_to_forget_anybody(on, monkeypatch):
    monkeypatch.setattr(changes_module, "MAX_CHANGES", 3)

    async def story(reader, other, **_):
        for _ in range(6):
            await other.execute("UPDATE users SET credits = credits + 1")
        read = await reader.read()
        assert (read.is_gap, read.floor) == (True, 0)

    on(story)


def test_whoever_is_not_told_of_by_name_at_a_gap_is_known_to_be_doubtful_also_while_somebody_writes_for_long(
    on, monkeypatch, database_url
):
    monkeypatch.setattr(changes_module, "MAX_CHANGES", 2)

    async def story(accounts, reader, other, **_):
        for number in range(5):
            await accounts.find_or_make(wanted(f"did:privy:p{number}"), soon())
        await told(reader)
        async with await psycopg.AsyncConnection.connect(database_url) as long:
            await long.execute("SELECT pg_current_xact_id()")
            await other.execute("UPDATE users SET credits = credits + 1")
            read = await reader.read()
            by_name = {change.privy_user_id for change in read.changes}
            assert (read.is_gap, read.floor, len(by_name)) == (True, 0, 3)
            (changed,) = {change.change_id for change in read.changes}
            assert read.version < changed <= read.doubtful_below

    on(story)


def test_a_reader_that_has_just_started_is_told_by_name_of_what_is_too_new_for_versions(on, database_url):
    async def story(reader, other, **_):
        async with await psycopg.AsyncConnection.connect(database_url) as long:
            await long.execute("SELECT pg_current_xact_id()")
            await other.execute("UPDATE users SET credits = credits + 1")
            read = await another(reader).read()
            assert [(change.privy_user_id, change.takes_away) for change in read.changes] == [("did:privy:ada", False)]
            assert read.changes[0].change_id > read.version

    on(story)


@pytest.mark.parametrize("takes_away", [False, True])
def test_a_reader_at_a_gap_looks_at_so_many_changes_and_no_more_however_many_there_are(on, takes_away):
    """One statement about millions would make each reading too long for its second, and so the last one that was."""

    async def story(other, **_):
        await other.execute(
            "INSERT INTO gatewayz_auth.changes (kind, user_id, privy_user_id, username, takes_away)"
            " SELECT 'user', n, 'did:privy:x' || n, 'x' || n, %s FROM generate_series(1, 20000) AS n",
            (takes_away,),
        )
        plan = await other.execute(
            b"EXPLAIN (ANALYZE, TIMING OFF) " + statement("changes_mark"), {"max_rows": 50, "since": 1}
        )
        passed_by = [int(line.split(":")[1]) for (line,) in await plan.fetchall() if "Removed by Filter" in line]
        assert sum(passed_by) <= 50

    on(story)


def test_what_is_new_is_found_without_passing_by_what_was_read_while_somebody_writes_for_long(on, database_url):
    """A session that was forgotten in a transaction for a day would make each reading too long for its second."""
    many = (
        "INSERT INTO gatewayz_auth.changes (kind, user_id, privy_user_id, username, takes_away)"
        " SELECT 'user', n, 'did:privy:x' || n, 'x' || n, false FROM generate_series(1, %s) AS n"
    )

    async def story(other, **_):
        async with await psycopg.AsyncConnection.connect(database_url) as forgotten:
            await forgotten.execute(many, (3,))
            await other.execute(many, (20_000,))
            stands = await other.execute("SELECT pg_current_snapshot()::text, pg_postmaster_start_time()::text, now()")
            snapshot, era, at = await stands.fetchone()
            parameters = {"era": era, "snapshot": snapshot, "at": at, "max_age_s": 300.0, "max_rows": 5001}
            await other.execute(many, (4,))
            await forgotten.commit()
        told = await other.execute(statement("changes_since"), parameters)
        assert len(await told.fetchall()) == 7
        plan = await other.execute(b"EXPLAIN (ANALYZE, TIMING OFF) " + statement("changes_since"), parameters)
        assert [line for (line,) in await plan.fetchall() if "Removed by Filter" in line] == []

    on(story)


def test_what_was_taken_away_stays_for_as_long_as_an_older_answer_may_be_given(on):
    clock = ManualClock()

    async def story(reader, other, **_):
        await other.execute("UPDATE users SET credits = 7")
        await other.execute("UPDATE users SET is_active = false")
        reader._taken_s = 3600.0

        async def left_after_trimming():
            for _ in range(int(changes_module.TRIM_AFTER_S // changes_module.TRIM_EVERY_S) + 2):
                clock.advance(changes_module.TRIM_EVERY_S + 1)
                await reader.read()
            cursor = await other.execute("SELECT takes_away FROM gatewayz_auth.changes")
            return await cursor.fetchall()

        assert await left_after_trimming() == [(True,)]
        await other.execute("UPDATE gatewayz_auth.changes SET at = at - interval '61 minutes'")
        assert await left_after_trimming() == []

    on(story, clock)


def test_table_of_changes_is_trimmed_of_what_everybody_has_long_seen(on):
    clock = ManualClock()

    async def story(reader, other, **_):
        await other.execute("UPDATE users SET credits = 7")
        minutes = int(changes_module.TRIM_AFTER_S // changes_module.TRIM_EVERY_S)
        for _ in range(minutes + 2):
            clock.advance(changes_module.TRIM_EVERY_S + 1)
            await reader.read()
        cursor = await other.execute("SELECT count(*) FROM gatewayz_auth.changes")
        assert await cursor.fetchone() == (0,)
        await other.execute("UPDATE users SET credits = 8")
        assert len((await reader.read()).changes) == 1

    on(story, clock)


def test_table_of_changes_does_not_grow_however_many_there_are(on, monkeypatch):
    monkeypatch.setattr(changes_module, "TRIM_ROWS", 10)
    clock = ManualClock()

    async def story(reader, other, **_):
        for _ in range(55):
            await other.execute("UPDATE users SET credits = credits + 1")
        for _ in range(int(changes_module.TRIM_AFTER_S // changes_module.TRIM_EVERY_S) + 2):
            clock.advance(changes_module.TRIM_EVERY_S + 1)
            await reader.read()
        for _ in range(6):  # as soon as it reads again, and not at ten a minute
            await reader.read()
        cursor = await other.execute("SELECT count(*) FROM gatewayz_auth.changes")
        assert await cursor.fetchone() == (0,)

    on(story, clock)


def test_operators_find_disable_invalidate_and_revoke_and_everybody_is_told(on):
    async def story(reader, at, user_id, accounts, **_):
        account = await at.by_username("ADA")
        assert account.user_id == user_id
        assert await at.by_privy_id("did:privy:ada") == await at.by_user_id(user_id) == account
        assert await at.by_username("nobody") is None
        assert await at.by_email("ada@example.com") is None
        assert await at.invalidate(user_id)
        assert await told(reader) == [("did:privy:ada", "ada", True)]
        (key,) = await at.keys_of(user_id)
        assert await at.revoke_key(key.key_id)
        assert await told(reader) == [("did:privy:ada", "ada", True)]
        assert (await at.keys_of(user_id))[0].revoked_at is not None
        assert await at.set_active(user_id, is_active=False)
        assert await told(reader) == [("did:privy:ada", "ada", True)]
        assert not (await accounts.find_or_make(wanted("did:privy:ada"), soon())).account.is_active
        assert await at.set_active(user_id, is_active=True)
        assert await told(reader) == [("did:privy:ada", "ada", False)]
        assert not await at.set_active(12345, is_active=True)
        assert not await at.invalidate(12345)

    on(story)
