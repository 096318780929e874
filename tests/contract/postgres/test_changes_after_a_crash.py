"""A server of which a backend was killed begins anew and counts on from lower: no change of after that is missed."""

import asyncio
import contextlib
import math
import os
import signal

import psycopg
import pytest
from tests.support.accounts import CLOCK, postgres_accounts, soon
from tests.support.newcomers import wanted
from tests.support.servers import PostgresServer

from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.changes import PostgresChanges
from gatewayz_auth.adapters.postgres.numbering import LAG_S
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.abandoned import Abandoned

LOST = 40
"""Numbers that were given to transactions that were rolled back, none of which had reached the server's log."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of this test's own, because it is to crash."""
    server = PostgresServer(tmp_path_factory.mktemp("pg"))
    server.start()
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute(
            "ALTER SYSTEM SET wal_writer_delay = '10s'"
        )  # or the numbers may be written before the crash
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.stop()


async def next_number(connection):
    cursor = await connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    return (await cursor.fetchone())[0]


async def back_again(url, before):
    """A connection to the server once it has begun anew: it counts from lower on than ``before``."""
    for _ in range(300):
        with contextlib.suppress(psycopg.OperationalError):
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
            try:
                if await next_number(connection) < before:
                    return connection
            except psycopg.OperationalError:
                pass
            await connection.close()
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come back")


async def taken_over(connection):
    for _ in range(300):
        if (await (await connection.execute("SELECT pg_is_in_recovery()")).fetchone()) == (False,):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not take over")


async def roll_back(connection, many):
    for _ in range(many):
        async with connection.transaction(force_rollback=True):
            await connection.execute("SELECT pg_current_xact_id()")


async def read_again(reader):
    for _ in range(100):
        try:
            return await reader.read()
        except NotKnown:
            await asyncio.sleep(0.05)
    raise AssertionError("it was not read again")


def test_what_is_taken_away_right_after_a_crash_is_told_though_its_number_was_given_before(server):
    url = server.database()

    async def story():
        async with postgres_accounts(url) as (accounts, pool):
            reader = PostgresChanges(pool, GuardedCall(CLOCK, Abandoned()), CLOCK, 2.0)
            await accounts.find_or_make(wanted("did:privy:ada", username="ada"), soon())
            async with (
                await psycopg.AsyncConnection.connect(url, autocommit=True) as victim,
                await psycopg.AsyncConnection.connect(url, autocommit=True) as other,
            ):
                await reader.read()
                await other.execute("CHECKPOINT")  # whatever was made so far is known after the crash
                await roll_back(other, LOST)
                assert not (await reader.read()).is_gap
                before = await next_number(other)
                os.kill(victim.info.backend_pid, signal.SIGKILL)
            async with await back_again(url, before) as other:
                await other.execute("UPDATE users SET is_active = false")
                await roll_back(other, 2 * LOST)  # by the time that it is read again, the server counts beyond
                read = await read_again(reader)
                assert read.is_gap
                assert [(change.privy_user_id, change.takes_away) for change in read.changes] == [
                    ("did:privy:ada", True)
                ]

    asyncio.run(story())


def test_a_server_that_takes_over_and_counts_beyond_what_was_heard_is_not_taken_for_the_one_before(tmp_path):
    server = PostgresServer(tmp_path, durable=True)
    server.start()
    url = server.database()

    async def story():
        async with postgres_accounts(url) as (_, pool):
            reader = PostgresChanges(pool, GuardedCall(CLOCK, Abandoned()), CLOCK, 2.0)
            began_s = CLOCK.utc_now_s()
            for _ in range(2):
                assert (await reader.read()).lost_since_s == math.inf
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            read = await read_again(reader)
            assert (read.is_gap, read.lost_since_s) == (True, math.inf), "a new start is no other history"

            async with await psycopg.AsyncConnection.connect(server.admin_url, autocommit=True) as connection:
                await connection.execute("ALTER SYSTEM SET restore_command = 'false'")  # nothing but what it has itself
            await asyncio.to_thread(server.stop)
            (tmp_path / "postgres" / "recovery.signal").touch()
            await asyncio.to_thread(server.start)
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
                await taken_over(other)
                await roll_back(other, LOST)
            read = await read_again(reader)
            assert read.is_gap
            assert began_s - LAG_S <= read.lost_since_s <= CLOCK.utc_now_s() - LAG_S

    try:
        asyncio.run(story())
    finally:
        server.stop()


def test_a_server_tells_its_history_to_whoever_may_sign_people_in(server):
    url = server.database()
    with psycopg.connect(url, autocommit=True) as connection:
        system, timeline = connection.execute("SELECT * FROM gatewayz_auth.history()").fetchone()
        assert (len(timeline), int(timeline, 16)) == (8, 1)
        assert int(system) > 0
