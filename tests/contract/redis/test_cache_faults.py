"""The shared cache and every fault of the network: 50 ms at most, and back as soon as Redis is."""

from __future__ import annotations

import asyncio
import random

import pytest
import uvloop
from tests.support.faulty_proxy import FaultyProxy
from tests.support.people import person
from tests.support.shared_cache import cache_at, run
from tests.support.withheld import Stopwatch

from gatewayz_auth.domain.errors import NeighbourUnavailable
from gatewayz_auth.reliability.clock import SystemClock

ADA = "did:privy:ada"


async def until(ask):
    """Wait until what ``ask`` answers is true."""
    while not await ask():
        await asyncio.sleep(0.01)


def proxied(proxy):
    return f"redis://{proxy.host}:{proxy.port}/0"


@pytest.fixture
def proxy(redis_url):
    with FaultyProxy(redis_url.removeprefix("unix://").split("?", maxsplit=1)[0]) as between:
        yield between


def test_making_a_cache_connects_to_nothing():
    cache = cache_at("redis://127.0.0.1:1/0")
    assert cache.pool_stats() == (0, 0, 8)


def test_a_refusing_redis_is_a_miss_at_once():
    async def scenario(cache):
        took = Stopwatch()
        assert await cache.get(ADA) is None
        assert not await cache.store(person())
        assert not await cache.invalidate(ADA)
        assert took.seconds < 0.5

    run(scenario, "redis://127.0.0.1:1/0")


def test_a_connection_that_was_reset_in_the_pool_costs_nobody_an_answer(proxy):
    async def scenario():
        cache = cache_at(proxied(proxy), clock=SystemClock())
        try:
            assert await cache.store(person(as_of_s=SystemClock().utc_now_s()))
            # uvloop closes its transport then, and whoever writes is told so by a RuntimeError.
            (connection,) = cache._redis.connection_pool._available_connections
            proxy.reset()
            while not connection._writer.is_closing():
                await asyncio.sleep(0.001)
            assert await cache.get(ADA) is not None
        finally:
            await cache.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


def test_callers_who_are_cut_off_at_any_moment_cost_the_pool_no_connection(proxy):
    dice = random.Random(3)  # noqa: S311 - no secret

    async def scenario(cache):
        for _ in range(30):
            proxy.delay(dice.choice((0.0, 0.02, 0.045, 0.06)))
            if dice.random() < 0.3:
                proxy.reset()
            await asyncio.gather(*(cache.store(person(f"p{number}")) for number in range(10)))
        proxy.delay(0.0)
        async with asyncio.timeout(5):
            while cache.pool_stats()[0] > 0:  # what was cut off has not ended yet
                await asyncio.sleep(0.01)
        assert cache.pool_stats()[2] == 8
        await until(lambda: cache.store(person(as_of_s=SystemClock().utc_now_s())))

    run(scenario, proxied(proxy), limit_s=0.05, clock=SystemClock())


FAULTS = {
    "frozen": FaultyProxy.freeze,
    "frozen in mid-answer": FaultyProxy.freeze_in_answer,
    "reset": FaultyProxy.reset,
    "refused": FaultyProxy.refuse,
    "accepts and says nothing": lambda proxy: (proxy.reset(), proxy.say_nothing()),
    "dripping": lambda proxy: proxy.drip(0.02),
    "slow": lambda proxy: proxy.delay(5.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_caller_waits_longer_than_fifty_milliseconds_and_the_cache_is_back_afterwards(proxy, fault):
    waits = []

    async def timed(call):
        took = Stopwatch()
        result = await call
        waits.append(took.seconds)
        return result

    async def scenario(cache):
        await until(lambda: cache.store(person(as_of_s=SystemClock().utc_now_s())))
        FAULTS[fault](proxy)
        for _ in range(3):
            await timed(cache.get(ADA))
            await timed(cache.get_by_username("ada"))
            await timed(cache.store(person()))
            await timed(cache.forget(ADA, "ada", also_last_known_good=True))
        proxy.thaw()

        async def is_kept():  # what was cut off is on its way still: a DEL may land behind our SET
            return await cache.store(person(as_of_s=SystemClock().utc_now_s())) and await cache.get(ADA)

        await until(is_kept)

    run(scenario, proxied(proxy), limit_s=0.05, clock=SystemClock())
    assert max(waits) < 0.25, "50 ms, and room for a busy machine"


def test_a_redis_that_is_deaf_at_the_start_costs_fifty_milliseconds_and_not_the_start(proxy):
    proxy.freeze()

    async def scenario(cache):
        took = Stopwatch()
        assert await cache.get(ADA) is None
        assert took.seconds < 0.25

    run(scenario, proxied(proxy), limit_s=0.05)


def test_closing_ends_in_time_at_a_frozen_redis(proxy):
    async def scenario():
        cache = cache_at(proxied(proxy))
        await cache.store(person())
        proxy.freeze()
        asking = asyncio.ensure_future(cache.get(ADA))
        await asyncio.sleep(0)
        took = Stopwatch()
        await cache.close(0.5)
        assert took.seconds < 1.0
        assert await asking is None
        return {task.get_name() for task in asyncio.all_tasks()} - {asyncio.current_task().get_name()}

    assert asyncio.run(scenario()) == set()


def test_what_the_url_asks_for_does_not_lengthen_the_wait(proxy):
    proxy.freeze()

    async def scenario(cache):
        took = Stopwatch()
        assert await cache.get(ADA) is None
        assert took.seconds < 0.25

    run(scenario, proxied(proxy) + "?socket_timeout=30&retry_on_timeout=true&max_connections=1", limit_s=0.05)


def test_a_guard_of_the_callers_own_decides_whether_redis_is_asked(redis_url):
    asked = []

    async def closed_door(work, operation):
        asked.append(operation)
        raise NeighbourUnavailable("redis", "not asked at present")

    async def scenario(cache):
        assert await cache.get(ADA) is None
        assert not await cache.store(person())

    run(scenario, redis_url, guard=closed_door)
    assert asked == ["read", "put"]
