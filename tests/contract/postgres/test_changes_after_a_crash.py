"""A server of which a backend was killed begins anew and counts on from lower: no change of after that is missed."""

import asyncio
import contextlib
import os
import signal

import psycopg
import pytest
from tests.support.accounts import CLOCK, postgres_accounts, soon
from tests.support.newcomers import wanted
from tests.support.servers import PostgresServer

from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.changes import PostgresChanges
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
