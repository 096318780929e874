"""What Redis was told in vain it is told again, in time, in order, and whatever happens while it is told."""

import asyncio
import dataclasses

import pytest
from tests.support.cache_world import Shared, World, cache_over
from tests.support.redis_story import ADA, ask, known, settled
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.domain.changes import Change
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.service import owed_to_redis


@in_virtual_time
async def test_thousands_of_revocations_reach_redis_within_seconds():
    class RoomFor64(Shared):
        running = 0

        async def forget(self, *args, **kwargs):
            if self.running >= 64:
                return False
            self.running += 1
            try:
                await asyncio.sleep(0.001)
                return await super().forget(*args, **kwargs)
            finally:
                self.running -= 1

    world = World(VirtualClock())
    cache = cache_over(world, RoomFor64(world.clock))
    cache._tasks = OwnedTasks("service", 2000)
    cache.notice([Change(n, n, f"did:privy:x{n}", f"x{n}", takes_away=True) for n in range(1, 4901)], 4900)
    began_s = world.clock.monotonic_s()
    while len(cache._owed):
        await asyncio.sleep(0.5)
        cache.notice([], 4900)
    assert world.clock.monotonic_s() - began_s < 5.0


@in_virtual_time
async def test_more_than_can_be_owed_is_everybody(monkeypatch):
    monkeypatch.setattr(owed_to_redis, "MAX_OWED", 100)
    _, shared, cache = await known()
    await asyncio.sleep(0.1)
    shared.is_up = False
    cache.notice([Change(1, 1, ADA, "ada", takes_away=True)], 1)
    cache.notice([Change(n, n, f"did:privy:x{n}", f"x{n}", takes_away=True) for n in range(2, 200)], 200)
    shared.is_up = True
    assert ADA in shared.good
    await settled(cache, 200)
    assert shared.good == {}
    assert len(cache._owed) == 0


class SlowSweep(Shared):
    """A Redis whose sweep has passed by everybody, and goes on until ``ends``."""

    async def forget_everything(self, below, asked):
        done = await super().forget_everything(below, asked)
        await self.ends.wait()
        return done


@pytest.mark.parametrize("what", ["somebody", "everybody"])
@in_virtual_time
async def test_what_is_taken_away_while_everybody_is_being_forgotten_is_forgotten_too(what):
    shared = SlowSweep(None)
    shared.ends = asyncio.Event()
    _, shared, cache = await known(shared)
    await asyncio.sleep(0.1)
    kept = shared.good[ADA]
    cache.catch_up([], 10, 5)
    await asyncio.sleep(0.1)
    shared.fresh[ADA] = shared.good[ADA] = kept  # by another process, behind the sweep
    shared.is_up = False
    if what == "somebody":
        cache.notice([Change(11, 1, ADA, "ada", takes_away=True)], 11)
    else:
        cache.catch_up([], 12, 12)
    await asyncio.sleep(0.1)
    shared.is_up = True
    shared.ends.set()
    await settled(cache, 12)
    assert shared.good == {}


@pytest.mark.parametrize("then", ["asked again", "forgotten"])
@in_virtual_time
async def test_the_last_word_about_a_person_wins_also_while_their_other_keys_are_read(then):
    _, shared, cache = await known()
    await asyncio.sleep(0.1)
    older, real = shared.good[ADA], shared.get

    async def slow(privy_id):
        await asyncio.sleep(0.04)
        return await real(privy_id)

    shared.get = slow
    cache._owed.remember(ADA, dataclasses.replace(older, as_of_s=older.as_of_s + 1), keeps_other_tags=True)
    await asyncio.sleep(0.01)
    if then == "forgotten":
        cache.forget(ADA, "ada")
    else:
        cache._owed.remember(ADA, dataclasses.replace(older, as_of_s=older.as_of_s + 2))
    await asyncio.sleep(0.1)
    assert [person.as_of_s for person in shared.good.values()] == ([] if then == "forgotten" else [older.as_of_s + 2])


@in_virtual_time
async def test_what_redis_was_told_in_vain_to_forget_takes_nothing_from_an_answer_it_was_given_since():
    world, shared, cache = await known()
    await asyncio.sleep(0.1)
    shared.is_up = False
    cache.notice([Change(1, 1, ADA, "ada", takes_away=True)], 1)
    await asyncio.sleep(0.1)
    shared.is_up = True
    await ask(cache, world)
    await settled(cache, 1)
    assert shared.good[ADA].change_version == 1


class LateAnswers(Shared):
    """A Redis that does what it is told at once, and whose answers come a tenth of a second later."""

    async def forget(self, *args, **kwargs):
        is_done = await super().forget(*args, **kwargs)
        await asyncio.sleep(0.1)
        return is_done


@in_virtual_time
async def test_what_is_taken_away_again_while_redis_answers_the_first_time_is_told_again():
    _, shared, cache = await known(LateAnswers(None))
    await asyncio.sleep(0.5)
    of_before = shared.good[ADA]
    cache.notice([Change(1, 1, ADA, "ada", takes_away=True)], 1)
    await asyncio.sleep(0.05)  # Redis has forgotten her; another process, which has not heard yet, writes once more
    await shared.put(of_before)
    tasks, cache._tasks = cache._tasks, OwnedTasks("later", 0)  # so much is changed that it has to wait for its turn
    cache.notice([Change(2, 1, ADA, "ada", takes_away=True)], 2)
    cache._tasks = tasks
    await settled(cache, 2)
    assert shared.good == {}
