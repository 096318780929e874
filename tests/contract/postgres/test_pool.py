"""The pool under a misbehaving database: callers are released in time, and nothing is lost for good."""

import asyncio
import contextlib
import random

import psycopg
import pytest
from tests.support.accounts import CLOCK, postgres_accounts, soon
from tests.support.faulty_proxy import FaultyProxy
from tests.support.newcomers import wanted
from tests.support.withheld import Stopwatch

from gatewayz_auth.adapters.postgres.connection import BoundedConnection
from gatewayz_auth.adapters.postgres.pool import connection_options, probe
from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown, QueryTimeoutError
from gatewayz_auth.domain.sign_in import Found

NOWHERE = "postgresql://postgres@127.0.0.1:1/nothing"


@pytest.fixture
def proxied(database_url):
    """A proxy before the database, and the URL through it."""
    folder = database_url.split("host=")[1]
    database = database_url.split("@/")[1].split("?")[0]
    with FaultyProxy(f"{folder}/.s.PGSQL.5432") as proxy:
        options = "sslmode=disable&gssencmode=disable"
        yield proxy, f"postgresql://postgres@{proxy.host}:{proxy.port}/{database}?{options}"


async def timed(awaitable):
    took = Stopwatch()
    try:
        return await awaitable, took.seconds
    except NotKnown as error:
        return error, took.seconds


def test_database_that_refuses_is_said_at_once_and_is_not_our_saturation():
    async def story():
        async with postgres_accounts(NOWHERE) as (accounts, _):
            for _ in range(3):
                error, took_s = await timed(accounts.find_or_make(wanted(), soon()))
                assert isinstance(error, NeighbourUnavailable)
                assert took_s < 1.5

    asyncio.run(story())


def test_frozen_database_releases_callers_at_their_limit_and_serves_again_after_the_thaw(proxied):
    proxy, url = proxied

    async def story():
        async with postgres_accounts(url, max_size=3, lookup_limit_s=0.4) as (accounts, pool):
            assert isinstance(await accounts.find_or_make(wanted("did:privy:ada"), soon()), Found)
            proxy.freeze()
            for _ in range(3):
                answers = await asyncio.gather(*(timed(accounts.find_or_make(wanted(), soon())) for _ in range(30)))
                assert all(isinstance(error, NotKnown) for error, _ in answers)
                assert max(took_s for _, took_s in answers) < 0.8
            assert pool.stats().size <= 3
            proxy.thaw()
            await until_served(accounts)
            await until(lambda: not pool.stats().by_operation)
            assert pool.stats().size <= 3

    asyncio.run(story())


async def until(condition, limit_s=8.0):
    give_up_s = CLOCK.monotonic_s() + limit_s
    while not condition():
        assert CLOCK.monotonic_s() < give_up_s, "it never came to be"
        await asyncio.sleep(0.01)


async def until_served(accounts, limit_s=8.0):
    give_up_s = CLOCK.monotonic_s() + limit_s
    while True:
        with contextlib.suppress(NotKnown):
            return await accounts.find_or_make(wanted("did:privy:ada"), soon())
        assert CLOCK.monotonic_s() < give_up_s, "it never served again"
        await asyncio.sleep(0.02)


def test_callers_who_leave_at_random_points_cost_no_connection_and_mix_no_answers(database_url):
    async def story():
        chance = random.Random(7)  # noqa: S311 - a schedule, printed by its seed
        async with postgres_accounts(database_url, max_size=3) as (accounts, pool):
            for number in range(10):
                await accounts.find_or_make(wanted(f"did:privy:p{number}"), soon())

            async def one(number):
                found = await accounts.find_or_make(wanted(f"did:privy:p{number}"), soon())
                assert found.account.privy_user_id == f"did:privy:p{number}"

            for _ in range(40):
                tasks = [asyncio.ensure_future(one(number % 10)) for number in range(25)]
                await asyncio.sleep(chance.random() * 0.01)
                for task in tasks:
                    if chance.random() < 0.7:
                        task.cancel()
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
                kinds = {type(outcome) for outcome in outcomes}
                assert kinds <= {type(None), asyncio.CancelledError}, (pool.stats(), outcomes)
            await until(lambda: not pool.stats().by_operation)
            await asyncio.gather(*(one(number) for number in range(10)))
            assert 1 <= pool.stats().size <= 3
            assert pool.stats().active == 0

    asyncio.run(story())


def test_locked_table_ends_on_the_server_too_and_leaves_no_second_server_process(database_url):
    async def story():
        async with (
            postgres_accounts(database_url, max_size=2, lookup_limit_s=0.5) as (accounts, _),
            await psycopg.AsyncConnection.connect(database_url) as holder,
            await psycopg.AsyncConnection.connect(database_url, autocommit=True) as watcher,
        ):
            await holder.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            for _ in range(4):
                error, took_s = await timed(accounts.find_or_make(wanted(), soon()))
                assert isinstance(error, QueryTimeoutError)
                assert took_s < 0.8
            count = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sign_in(%' AND pid <> pg_backend_pid()"
            assert (await (await watcher.execute(count)).fetchone())[0] <= 2
            await holder.rollback()
            found = await accounts.find_or_make(wanted(), soon())
            assert found.is_new

    asyncio.run(story())


def test_statement_is_ended_by_the_server_before_our_limit(database_url):
    async def story():
        async with (
            postgres_accounts(database_url, lookup_limit_s=1.0) as (accounts, _),
            await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other,
        ):
            await other.execute(
                "CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN PERFORM pg_sleep(30); RETURN NEW; END $$"
            )
            await other.execute("CREATE TRIGGER nap BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION nap()")
            began_s = CLOCK.monotonic_s()
            error, took_s = await timed(accounts.find_or_make(wanted("did:privy:ada"), soon()))
            assert isinstance(error, QueryTimeoutError)
            assert CLOCK.monotonic_s() - began_s > 0.7
            assert took_s < 1.2
            cursor = await other.execute("SELECT count(*) FROM gatewayz_auth.identities")
            assert await cursor.fetchone() == (0,)

    asyncio.run(story())


def test_pool_opens_while_the_database_is_away_and_renewal_fills_a_new_one(proxied):
    proxy, url = proxied

    async def story():
        proxy.freeze()
        async with postgres_accounts(url, max_size=2, lookup_limit_s=0.3) as (accounts, pool):
            with pytest.raises(NotKnown):
                await accounts.find_or_make(wanted(), soon())
            proxy.thaw()
            await pool.renew(5.0)
            assert isinstance(await accounts.find_or_make(wanted(), soon()), Found)
            await pool.drop()
            assert isinstance(await accounts.find_or_make(wanted(), soon()), Found)

    asyncio.run(story())


def test_probe_answers_for_a_database_that_serves_and_raises_in_time_for_one_that_is_frozen(proxied):
    proxy, url = proxied

    async def story():
        await probe(url)
        proxy.freeze()
        error, took_s = await timed(probe(url))
        assert isinstance(error, NotKnown)
        assert took_s < 4

    asyncio.run(story())


def test_cancelled_query_closes_its_connection_at_once_instead_of_waiting_for_the_server(proxied):
    proxy, url = proxied

    async def story():
        connection = await BoundedConnection.connect(url, **connection_options(url))
        proxy.freeze()
        task = asyncio.ensure_future(connection.execute("SELECT 1"))
        await asyncio.sleep(0.05)
        took = Stopwatch()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert took.seconds < 0.5
        assert connection.closed

    asyncio.run(story())


def test_wait_beyond_its_limit_closes_the_connection(proxied):
    proxy, url = proxied

    async def story():
        connection = await BoundedConnection.connect(url, **connection_options(url))
        connection.wait_limit_s = 0.2
        proxy.freeze()
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT 1")
        assert connection.closed

    asyncio.run(story())
