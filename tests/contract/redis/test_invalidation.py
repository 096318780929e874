"""A change is known to every process at once where Redis works, and its loss is survived where it does not."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest
import redis
from tests.support.faulty_proxy import FaultyProxy

from gatewayz_auth.adapters.redis.invalidation import CHANNEL, ChangeNotices
from gatewayz_auth.reliability.backoff import Backoff
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.reliability.supervisor import Supervisor


class Process:
    """One process: its notices, heard and counted, under a supervisor."""

    def __init__(self, url):
        self.heard = 0
        self.woken = asyncio.Event()
        self.notices = ChangeNotices(url, self.hear, SystemClock(), ask_after_s=0.1)
        self.supervisor = Supervisor(SystemEntropy(), backoff=Backoff(0.01, 0.05))

    def hear(self):
        self.heard += 1
        self.woken.set()

    async def __aenter__(self):
        self.supervisor.start("notices", self.notices.run)
        return self

    async def __aexit__(self, *_exc):
        assert await self.supervisor.close(2.0) == ()
        await self.notices.close()

    async def more_than(self, number):
        while self.heard <= number:
            self.woken.clear()
            await self.woken.wait()


def run(scenario):
    asyncio.run(scenario())
    gc.collect()


def test_every_process_hears_an_announcement_within_a_tenth_of_a_second(any_redis_url):
    async def scenario():
        async with Process(any_redis_url) as one, Process(any_redis_url) as other:
            await one.more_than(0)
            await other.more_than(0)
            before = one.heard, other.heard
            started = time.perf_counter()
            while not await one.notices.announce():
                pass
            await one.more_than(before[0])
            await other.more_than(before[1])
            assert time.perf_counter() - started < 0.5, "a tenth, and room for a busy machine"

    run(scenario)


def test_the_channel_is_one_of_ours_and_its_messages_say_nothing(redis_url):
    assert CHANNEL.startswith("auth:")

    async def scenario():
        notices = ChangeNotices(redis_url, lambda: None, SystemClock())
        with redis.Redis.from_url(redis_url) as by_hand, by_hand.pubsub() as listener:
            listener.subscribe(CHANNEL)
            assert listener.get_message(timeout=5)["type"] == "subscribe"
            while not await notices.announce():
                pass
            assert listener.get_message(timeout=5)["data"] == b""
        await notices.close()

    run(scenario)


FAULTS = {
    "frozen, old connections dead": (FaultyProxy.freeze, {"old_connections_stay_dead": True}),
    "frozen": (FaultyProxy.freeze, {}),
    "reset": (FaultyProxy.reset, {}),
    "refused": (FaultyProxy.refuse, {}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_listener_survives_the_loss_of_redis_and_takes_its_return_for_a_notice(redis_url, fault):
    begin, how_it_ends = FAULTS[fault]
    with FaultyProxy(redis_url.removeprefix("unix://").split("?", maxsplit=1)[0]) as proxy:

        async def scenario():
            async with Process(f"redis://{proxy.host}:{proxy.port}/0") as process:
                await process.more_than(0)
                before = process.heard
                begin(proxy)
                accepted = proxy.accepted + 1  # the announcer's own
                started = time.perf_counter()
                if fault != "reset":
                    assert not await process.notices.announce()
                    assert time.perf_counter() - started < 0.25
                while fault.startswith("frozen") and proxy.accepted <= accepted:
                    await asyncio.sleep(0.01)  # until the listener has noticed and tries anew
                proxy.thaw(**how_it_ends)
                while process.heard <= before:
                    await process.notices.announce()
                    await asyncio.sleep(0.01)

        run(scenario)


def test_a_redis_that_is_away_costs_an_announcer_fifty_milliseconds_at_most():
    async def scenario():
        notices = ChangeNotices("redis://127.0.0.1:1/0", lambda: None, SystemClock())
        started = time.perf_counter()
        assert not await notices.announce()
        assert time.perf_counter() - started < 0.25
        await notices.close()

    run(scenario)


def test_a_flood_of_garbage_on_the_channel_is_only_a_flood_of_notices(redis_url):
    async def scenario():
        async with Process(redis_url) as process:
            await process.more_than(0)
            with redis.Redis.from_url(redis_url) as by_hand:
                for size in (0, 1, 1000, 1_000_000):
                    by_hand.publish(CHANNEL, b"\xff" * size)
            await process.more_than(4)

    run(scenario)
