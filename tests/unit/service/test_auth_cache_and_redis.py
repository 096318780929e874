"""A Redis that was slow or away for a moment costs nobody their sign-in later on."""

import asyncio

import pytest
from tests.support.cache_world import (
    PEOPLE,
    Clock,
    Shared,
    World,
    cache_over,
    question_of,
    request_of,
)

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.deadline import Deadline

ADA = PEOPLE[0]


class Slow(Shared):
    """A Redis that does not answer the first ``deaf_reads`` readings in time."""

    deaf_reads = 0

    async def get(self, privy_id):
        if self.deaf_reads > 0:
            self.deaf_reads -= 1
            return None
        return await super().get(privy_id)


class Process:
    def __init__(self, world, shared):
        self.world = world
        self.cache = cache_over(world, shared)

    async def sign_in(self):
        deadline = Deadline.after(self.world.clock.now_s, 8.0)
        request = request_of(ADA, "live")
        answer = await self.cache.answer(request, lambda: question_of(ADA, "live"), deadline, proves=0)
        await settled()
        return answer


async def settled():
    for _ in range(6):
        await asyncio.sleep(0)


def parts():
    world = World(Clock())
    return world, Slow(world.clock)


async def known_to_redis_alone(world, shared):
    await Process(world, shared).sign_in()
    world.is_up = False
    return Process(world, shared)


def test_in_an_outage_redis_is_asked_once_more_before_a_known_person_is_told_to_come_back():
    async def outage():
        world, shared = parts()
        restarted = await known_to_redis_alone(world, shared)
        shared.deaf_reads = 1
        return await restarted.sign_in()

    assert asyncio.run(outage()).source is Source.LAST_KNOWN_GOOD


def test_in_an_outage_redis_is_not_asked_for_ever():
    async def outage():
        world, shared = parts()
        restarted = await known_to_redis_alone(world, shared)
        shared.deaf_reads = 2
        with pytest.raises(NotKnown):
            await restarted.sign_in()

    asyncio.run(outage())


def test_whom_redis_could_not_take_in_is_told_to_it_again():
    async def moment_away():
        world, shared = parts()
        process = Process(world, shared)
        shared.is_up = False
        await process.sign_in()
        shared.is_up = True
        process.cache.forget_what_redis_missed()
        await settled()
        world.is_up = False
        return await Process(world, shared).sign_in()

    assert asyncio.run(moment_away()).source is Source.LAST_KNOWN_GOOD


@pytest.mark.parametrize("takes_away", [True, False])
def test_whom_a_change_has_overtaken_meanwhile_is_not_told_to_redis_again(takes_away):
    async def moment_away():
        world, shared = parts()
        process = Process(world, shared)
        shared.is_up = False
        await process.sign_in()
        world.changed(ADA, takes_away=takes_away)
        process.cache.notice(world.changes, len(world.changes))
        shared.is_up = True
        process.cache.forget_what_redis_missed()
        await settled()
        return shared.fresh, shared.good

    assert asyncio.run(moment_away()) == ({}, {})
