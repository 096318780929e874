"""A transaction that writes for long holds back the order of changes: whoever is not changed notices nothing of it."""

import asyncio

import pytest
from tests.support.cache_world import Shared, World, cache_over, question_of, request_of
from tests.support.key_world import World as KeyWorld
from tests.support.redis_story import ADA, ask
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.domain.changes import Change
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service import key_cache, known_changes

HELD_BACK = 100
"""The newest change that all versions are held back at."""


def of_others(many, *, takes_away, begin=1_000):
    return [Change(begin + n, begin + n, f"did:privy:other{n}", f"other{n}", takes_away) for n in range(many)]


@pytest.fixture
def few_are_held(monkeypatch):
    """Ten people are held by name, as in life 20,000 are."""
    monkeypatch.setattr(known_changes, "MAX_CHANGES_REMEMBERED", 10)
    monkeypatch.setattr(key_cache.KeyCache.__init__, "__defaults__", (50_000, 10))


def begun(shared=None):
    world = World(VirtualClock())
    cache = cache_over(world, shared)
    cache.catch_up([], HELD_BACK, 0)
    return world, cache


@pytest.mark.parametrize("takes_away", [False, True])
@in_virtual_time
async def test_however_many_others_were_changed_whoever_is_asked_for_since_is_fresh_and_last_known_good(
    few_are_held, takes_away
):
    world, cache = begun()
    cache.notice(of_others(20, takes_away=takes_away), HELD_BACK)
    assert (await ask(cache, world)).source is Source.DATABASE
    assert (await ask(cache, world)).source is Source.CACHE
    await asyncio.sleep(400.0)
    world.is_up = False
    assert (await ask(cache, world)).source is Source.LAST_KNOWN_GOOD


@in_virtual_time
async def test_takings_without_a_name_end_what_is_older_and_nothing_that_is_asked_for_since():
    world, cache = begun()
    await ask(cache, world)
    cache.catch_up([], HELD_BACK, 500)
    assert cache.process.get(ADA, "live") is None
    assert (await ask(cache, world)).source is Source.DATABASE
    assert (await ask(cache, world)).source is Source.CACHE
    await asyncio.sleep(400.0)
    world.is_up = False
    assert (await ask(cache, world)).source is Source.LAST_KNOWN_GOOD


@pytest.mark.parametrize("tell", ["a gap", "another gap", "by name"])
@in_virtual_time
async def test_what_was_asked_for_before_takings_without_a_name_were_heard_of_is_not_kept(few_are_held, tell):
    world, cache = begun()
    if tell == "another gap":
        cache.catch_up([], HELD_BACK, 500)
    world.gate = asyncio.Event()
    request = request_of(ADA, "live")
    deadline = Deadline.after(world.clock.monotonic_s(), 8.0)
    asked = asyncio.ensure_future(cache.answer(request, lambda: question_of(ADA, "live"), deadline, proves=0))
    await asyncio.sleep(0.1)
    if tell == "by name":
        cache.notice([Change(500, 1, ADA, "ada", takes_away=True), *of_others(20, takes_away=True)], HELD_BACK)
    else:
        cache.catch_up([], HELD_BACK, 500)
    world.gate.set()
    await asked
    assert cache.process.get(ADA, "live") is None


@in_virtual_time
async def test_whoever_asks_after_a_second_gap_is_not_told_what_was_asked_for_before_it():
    world, cache = begun()
    cache.catch_up([], HELD_BACK, 500)
    world.gate = asyncio.Event()
    asked = asyncio.ensure_future(ask(cache, world))
    await asyncio.sleep(0.1)
    world.people[ADA].generation = 2
    cache.catch_up([], HELD_BACK, 500)
    asked_since = asyncio.ensure_future(ask(cache, world))
    await asyncio.sleep(0.1)
    world.gate.set()
    assert b"g0" in (await asked).rendered
    assert b"g2" in (await asked_since).rendered


@in_virtual_time
async def test_what_redis_holds_from_before_changes_without_a_name_is_not_fresh():
    world = World(VirtualClock())
    shared = Shared(world.clock)
    one, other = cache_over(world, shared), cache_over(world, shared)
    for cache in (one, other):
        cache.catch_up([], HELD_BACK, 0)
    await ask(one, world)
    await asyncio.sleep(0.1)
    other.catch_up([], HELD_BACK, 0, doubtful_below=500)
    assert (await ask(other, world)).source is Source.DATABASE
    assert (await ask(other, world)).source is Source.CACHE


@pytest.mark.parametrize("told", ["by name", "by name, takings", "a gap", "a gap of gains"])
@in_virtual_time
async def test_a_key_that_is_asked_for_after_changes_of_others_is_remembered(few_are_held, told):
    world = KeyWorld()
    world.check.catch_up([], HELD_BACK, 0)
    api_key, _ = world.key()
    if told == "a gap":
        world.check.catch_up([], HELD_BACK, 500)
    elif told == "a gap of gains":
        world.check.catch_up([], HELD_BACK, 0, doubtful_below=500)
    else:
        world.check.notice(of_others(20, takes_away="takings" in told), HELD_BACK)
    assert (await world.ask(api_key)).source is Source.DATABASE
    assert (await world.ask(api_key)).source is Source.CACHE


@pytest.mark.parametrize("told", ["by name", "a gap", "another gap"])
@in_virtual_time
async def test_a_key_that_was_asked_for_before_takings_without_a_name_is_not_remembered(few_are_held, told):
    world = KeyWorld()
    world.check.catch_up([], HELD_BACK, 500 if told == "another gap" else 0)
    api_key, digest = world.key()
    asked = asyncio.ensure_future(world.ask(api_key))
    await asyncio.sleep(world.takes_s / 2)
    if told == "by name":
        world.check.notice([Change(500, 1, None, None, takes_away=True), *of_others(20, takes_away=True)], HELD_BACK)
    else:
        world.check.catch_up([], HELD_BACK, 500)
    await asked
    assert world.check.remembered.get(digest) is None
