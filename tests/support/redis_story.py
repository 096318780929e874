"""A process that has answered Ada once, beside a Redis that all processes share."""

from __future__ import annotations

import asyncio

from tests.support.cache_world import PEOPLE, Shared, World, cache_over, question_of, request_of
from tests.support.virtual_loop import VirtualClock

from gatewayz_auth.reliability.deadline import Deadline

ADA = PEOPLE[0]


async def ask(cache, world, tag="live"):
    request = request_of(ADA, tag)
    if (ready := cache.fresh(request, proves=0)) is not None:
        return ready
    deadline = Deadline.after(world.clock.monotonic_s(), 8.0)
    return await cache.answer(request, lambda: question_of(ADA, tag), deadline, proves=0)


async def settled(cache, version=0):
    """All writes behind callers have ended, and what was told in vain has been told again for some seconds."""
    for _ in range(20):
        await asyncio.sleep(0.5)
        cache.notice([], version)


async def known(shared=None):
    """A world in which Ada has signed in once, and the process that did it."""
    world = World(VirtualClock())
    shared = shared or Shared(world.clock)
    shared.clock = world.clock
    cache = cache_over(world, shared)
    await ask(cache, world)
    return world, shared, cache
