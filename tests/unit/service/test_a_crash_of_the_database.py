"""A database that crashed has not another past: what was known of people longer than seconds before it stays known."""

import asyncio
import math

import pytest
from tests.support.cache_world import Shared, World, cache_over
from tests.support.key_world import AWAY
from tests.support.key_world import World as KeyWorld
from tests.support.redis_story import ADA, ask, settled
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.domain.sign_in import Source

CRASHED = "crashed"
PUT_BACK = "put back"


def lost_since_s(what, clock):
    return clock.utc_now_s() - 2.0 if what == CRASHED else -math.inf


@pytest.mark.parametrize("what", [CRASHED, PUT_BACK])
@pytest.mark.parametrize("asked_before_s", [60.0, 1.0])
@in_virtual_time
async def test_what_was_answered_seconds_before_a_crash_and_all_of_a_lost_past_is_given_to_nobody(what, asked_before_s):
    world = World(VirtualClock())
    shared = Shared(world.clock)
    cache = cache_over(world, shared)
    cache.catch_up([], 900, 0)
    await ask(cache, world)
    await asyncio.sleep(asked_before_s)
    cache.notice([], 1_000)
    cache.catch_up([], 990, 0, lost_since_s(what, world.clock))
    await settled(cache, 990)
    world.is_up = False
    if what == CRASHED and asked_before_s > 10:
        assert (await ask(cache, world)).source is Source.LAST_KNOWN_GOOD
        assert list(shared.good) == [ADA]
    else:
        assert shared.good == {}
        with pytest.raises(NotKnown):
            await ask(cache, world)


@in_virtual_time
async def test_what_is_asked_for_after_a_crash_is_ordered_by_how_the_database_counts_then():
    world = World(VirtualClock())
    shared = Shared(world.clock)
    cache = cache_over(world, shared)
    cache.catch_up([], 1_000, 0)
    cache.catch_up([], 990, 0, lost_since_s(CRASHED, world.clock))
    await ask(cache, world)
    await asyncio.sleep(0.1)
    assert shared.good[ADA].change_version == 990


@pytest.mark.parametrize("what", [CRASHED, PUT_BACK])
@pytest.mark.parametrize("asked_before_s", [60.0, 1.0])
@in_virtual_time
async def test_keys_are_forgotten_as_people_are(what, asked_before_s):
    world = KeyWorld()
    api_key, _ = world.key(user_id=3)
    world.check.catch_up([], 900, 0)
    await world.ask(api_key)
    await asyncio.sleep(asked_before_s)
    world.check.notice([], 1_000)
    world.check.catch_up([], 990, 0, lost_since_s(what, world.clock))
    world.error = AWAY
    if what == CRASHED and asked_before_s > 10:
        assert (await world.ask(api_key)).source is Source.LAST_KNOWN_GOOD
    else:
        with pytest.raises(NotKnown):
            await world.ask(api_key)


@pytest.mark.parametrize("newest", [995, 1_005])
@pytest.mark.parametrize("is_asked", [True, False])
@in_virtual_time
async def test_what_a_process_was_answered_that_ended_with_the_server_is_given_to_nobody(newest, is_asked):
    """A primary and a process of ours on one host are gone; the other process finds in Redis what that one was told."""
    world = World(VirtualClock())
    shared = Shared(world.clock)
    gone, other = cache_over(world, shared), cache_over(world, shared)
    for cache in (gone, other):
        cache.catch_up([], 1_000, 0)
    world.people[ADA].generation = 5
    await ask(gone, world)
    await asyncio.sleep(10.0)
    world.people[ADA].generation = 4
    shared.is_up = not is_asked
    other.catch_up([], newest, 0, world.clock.utc_now_s() - 70.0)
    shared.is_up = True
    await asyncio.sleep(6.0)
    if is_asked:
        assert (await ask(other, world)).source is Source.DATABASE
    await settled(other, newest)
    world.is_up = False
    started = cache_over(world, shared)
    if is_asked:
        assert b"g4" in (await ask(started, world)).rendered
    else:
        with pytest.raises(NotKnown):
            await ask(started, world)


@in_virtual_time
async def test_what_was_answered_long_before_or_since_stays_in_redis_whoever_was_answered():
    world = World(VirtualClock())
    shared = Shared(world.clock)
    gone, other = cache_over(world, shared), cache_over(world, shared)
    for cache in (gone, other):
        cache.catch_up([], 900, 0)
    await ask(gone, world)
    await asyncio.sleep(60.0)
    other.catch_up([], 990, 0, lost_since_s(CRASHED, world.clock))
    await settled(other, 990)
    assert list(shared.good) == [ADA]
    shared.good.clear()
    await ask(other, world)
    await settled(other, 990)
    assert list(shared.good) == [ADA]
