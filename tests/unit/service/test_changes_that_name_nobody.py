"""An erasure names nobody: it takes what is older than it, and nothing that is newer or was told by name before."""

import asyncio

import pytest
from tests.support.cache_world import Shared, World, cache_over
from tests.support.redis_story import ADA, ask, known, settled
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.domain.changes import Change
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.domain.sign_in import Source


@pytest.mark.parametrize("is_newer", [True, False])
@in_virtual_time
async def test_what_has_seen_a_change_that_names_nobody_stays_in_redis_whoever_starts_after_it(is_newer):
    world = World(VirtualClock())
    shared = Shared(world.clock)
    cache = cache_over(world, shared)
    cache.catch_up([], 8 if is_newer else 6, 0)
    await ask(cache, world)
    await asyncio.sleep(0.1)
    cache_over(world, shared).catch_up([], 9, 7)  # an erasure's; started by the next rollout
    await asyncio.sleep(1.0)
    world.is_up = False
    if is_newer:
        assert (await ask(cache_over(world, shared), world)).source is Source.LAST_KNOWN_GOOD
    else:
        with pytest.raises(NotKnown):
            await ask(cache_over(world, shared), world)


@in_virtual_time
async def test_a_change_that_names_nobody_and_was_followed_by_name_takes_nothing_at_a_gap_after_it():
    world, shared, cache = await known()
    cache.notice([Change(7, 9, "did:privy:grace", "grace", takes_away=True)], 8)
    cache.catch_up([], 9, 7)  # her names are erased by now, and the server was started anew
    await settled(cache, 9)
    world.is_up = False
    assert (await ask(cache, world)).source is Source.LAST_KNOWN_GOOD
    assert list(shared.good) == [ADA]
