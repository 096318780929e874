"""What Redis holds never outlives what is known of it: late writes, lost messages, gaps, restarts in an outage."""

import asyncio
import dataclasses

import pytest
from tests.support.cache_world import (
    MAX_AGE_S,
    TTL_S,
    Asked,
    Shared,
    World,
    cache_over,
    question_of,
    request_of,
)
from tests.support.manual_clock import ManualClock
from tests.support.redis_story import ADA, ask, known, settled
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.domain.changes import Change
from gatewayz_auth.domain.errors import AccountDisabled, NotKnown
from gatewayz_auth.domain.identity import PROVES_EMAIL
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service import known_changes


@in_virtual_time
async def test_whoever_asks_after_a_disabling_was_noticed_is_not_given_what_was_asked_for_before_it():
    world = World(VirtualClock())
    cache = cache_over(world, Shared(world.clock))
    world.gate = asyncio.Event()
    first = asyncio.ensure_future(ask(cache, world))  # the database has read its row; its reply is slow
    await asyncio.sleep(0.1)
    world.people[ADA].is_active = False
    cache.notice([Change(1, 1, ADA, "ada", takes_away=True)], 1)
    await asyncio.sleep(4.0)
    second = asyncio.ensure_future(ask(cache, world))
    await asyncio.sleep(0.1)
    world.gate.set()
    with pytest.raises(AccountDisabled):
        await second
    await first


@in_virtual_time
async def test_redis_does_not_unsay_what_the_database_said():
    world, shared, cache = await known()
    await asyncio.sleep(TTL_S + 100)
    world.people[ADA].is_active = False
    shared.is_up = False  # the DEL is lost
    with pytest.raises(AccountDisabled):
        await ask(cache, world)
    await asyncio.sleep(0.1)
    shared.is_up, world.is_up = True, False  # an outage before the next reading of changes
    with pytest.raises(NotKnown):
        await ask(cache, world)
    await settled(cache)
    with pytest.raises(NotKnown):
        await ask(cache, world)


class SlowToWrite(Shared):
    def __init__(self):
        super().__init__(None)

    async def put(self, person):
        await asyncio.sleep(0.03)  # connecting, within its 50 ms
        return await super().put(person)


@pytest.mark.parametrize("takes_away", [True, False])
@in_virtual_time
async def test_a_write_that_lands_behind_the_forgetting_of_a_change_is_taken_back(takes_away):
    _, shared, cache = await known(SlowToWrite())
    await asyncio.sleep(0.01)
    cache.notice([Change(1, 1, ADA, "ada", takes_away=takes_away)], 1)
    await settled(cache, 1)
    assert (shared.fresh, list(shared.good)) == ({}, [] if takes_away else [ADA])


@pytest.mark.parametrize("floor", [0, 7])
@in_virtual_time
async def test_what_was_taken_away_in_a_gap_is_taken_out_of_redis_for_those_who_start_in_an_outage(floor):
    world, shared, cache = await known()
    world.people[ADA].is_active = False
    cache.catch_up([] if floor else [Change(7, 1, ADA, "ada", takes_away=True)], 8, floor)
    await settled(cache, 8)
    world.is_up = False
    with pytest.raises(NotKnown):
        await ask(cache_over(world, shared), world)


@in_virtual_time
async def test_a_gap_after_more_changes_than_are_kept_takes_nothing_from_whom_none_of_them_was_about(monkeypatch):
    monkeypatch.setattr(known_changes, "MAX_CHANGES_REMEMBERED", 100)
    world, _, cache = await known()
    cache.notice([Change(n, n, f"did:privy:x{n}", f"x{n}", takes_away=False) for n in range(2, 300)], 300)
    cache.catch_up([], 301, 0)
    world.is_up = False
    assert (await ask(cache, world)).source is Source.LAST_KNOWN_GOOD


async def beside(world, shared, changes, version):
    """Another process, which has noticed the same changes and has never been asked by Ada."""
    other = cache_over(world, shared)
    other.catch_up([], 0, 0)
    other.notice(changes, version)
    await asyncio.sleep(0.1)
    return other


@in_virtual_time
async def test_a_change_that_takes_nothing_away_leaves_last_known_good_to_the_other_processes_too():
    world, shared, _ = await known()
    await asyncio.sleep(0.1)
    other = await beside(world, shared, [Change(1, 1, ADA, "ada", takes_away=False)], 1)
    world.is_up = False
    assert (await ask(other, world)).source is Source.LAST_KNOWN_GOOD
    world.is_up, world.people[ADA].generation = True, 5
    assert b" g5 " in (await ask(other, world)).rendered, "it was not fresh"


@pytest.mark.parametrize("takes_away", [False, True])
@in_virtual_time
async def test_more_changes_than_are_kept_end_last_known_good_where_they_took_something_away(monkeypatch, takes_away):
    monkeypatch.setattr(known_changes, "MAX_CHANGES_REMEMBERED", 100)
    world, shared, _ = await known()
    await asyncio.sleep(0.1)
    changes = [Change(n, n, f"did:privy:x{n}", f"x{n}", takes_away=takes_away) for n in range(2, 300)]
    other = await beside(world, shared, changes, 300)
    world.is_up = False
    if takes_away:  # one that is forgotten may have been hers
        with pytest.raises(NotKnown):
            await ask(other, world)
    else:
        assert (await ask(other, world)).source is Source.LAST_KNOWN_GOOD


def test_a_taking_is_not_forgotten_for_another_change_that_came_after_it(monkeypatch):
    monkeypatch.setattr(known_changes, "MAX_CHANGES_REMEMBERED", 100)
    changes = known_changes.KnownChanges()
    changes.hold(ADA, 1, takes_away=True)
    changes.hold(ADA, 2, takes_away=False)
    assert (changes.is_taken(ADA, 0), changes.is_taken(ADA, 1)) == (True, False)
    assert (changes.is_outdated(ADA, 1), changes.is_outdated(ADA, 2)) == (True, False)
    for number in range(3, 200):
        changes.hold(f"did:privy:x{number}", number, takes_away=False)
    assert (changes.is_taken(ADA, 0), changes.is_taken(ADA, 1)) == (True, False)
    assert changes.doubtful_below == 99
    assert len(changes._newest) == 100


@in_virtual_time
async def test_what_redis_holds_from_after_a_change_is_left_there_by_whoever_learns_of_it_late():
    world, shared, cache = await known()
    cache.notice([], 9)
    cache.process.clear()
    shared.fresh.clear()
    shared.good.clear()
    await ask(cache, world)
    await asyncio.sleep(0.1)
    late = cache_over(world, shared)
    late.catch_up([Change(7, 1, ADA, "ada", takes_away=True)], 9, 0)
    await settled(late, 9)
    assert shared.good[ADA].change_version == 9


@in_virtual_time
async def test_a_database_that_counts_its_changes_from_lower_on_is_begun_anew_with():
    world, shared, cache = await known()
    cache.catch_up([], 1_000_000, 0)
    await asyncio.sleep(1)
    cache.catch_up([], 500, 0)  # a dump, restored behind the same name
    await settled(cache, 500)
    assert shared.good == {}
    world.gate = asyncio.Event()
    first = asyncio.ensure_future(ask(cache, world))
    await asyncio.sleep(0.1)
    world.people[ADA].is_active = False
    cache.notice([Change(501, 1, ADA, "ada", takes_away=True)], 501)
    world.gate.set()
    await first
    world.gate = None
    with pytest.raises(AccountDisabled):
        await ask(cache, world)


@in_virtual_time
async def test_what_was_asked_for_before_it_began_anew_is_neither_fresh_nor_stronger_than_what_it_says_then():
    world, shared, cache = await known()
    cache.catch_up([], 1_000_000, 0)
    world.gate = asyncio.Event()
    under_way = asyncio.ensure_future(ask(cache, world))
    await asyncio.sleep(0.1)
    cache.catch_up([], 500, 0)
    world.gate.set()
    await under_way
    world.gate = None
    await settled(cache, 500)
    assert (await ask(cache, world)).source is Source.DATABASE
    assert shared.good[ADA].change_version <= 500


@in_virtual_time
async def test_two_tags_both_survive_a_restart_in_an_outage():
    world, shared, cache = await known()
    await asyncio.sleep(0.1)
    await ask(cache, world, "test")
    await asyncio.sleep(0.1)
    world.is_up = False
    new = cache_over(world, shared)
    answers = [await ask(new, world, tag) for tag in ("live", "test")]
    assert [answer.rendered.endswith(tag) for answer, tag in zip(answers, (b":live", b":test"), strict=True)] == [
        True
    ] * 2


@in_virtual_time
async def test_an_older_answer_from_redis_does_not_take_the_place_of_a_newer_one():
    world, shared, cache = await known()
    await asyncio.sleep(TTL_S + 100)
    cache.process.clear()
    held, real = asyncio.Event(), shared.get

    async def slow(privy_id):
        got = await real(privy_id)
        await held.wait()
        return got

    world.people[ADA].generation = 7
    shared.get = slow
    late = asyncio.ensure_future(ask(cache, world))
    await asyncio.sleep(0.01)
    shared.get = lambda _: asyncio.sleep(0, None)
    await ask(cache, world)
    world.is_up = False
    held.set()
    await late
    assert b" g7 " in (await ask(cache, world)).rendered


def test_a_machine_that_slept_gives_nothing_as_fresh_that_is_not():
    clock = ManualClock()

    async def story():
        world = World(clock)
        cache = cache_over(world, Shared(clock))
        await ask(cache, world)
        clock.step_utc(TTL_S + 1)  # the monotonic clock stands still meanwhile
        world.is_up = False
        assert (await ask(cache, world)).source is Source.LAST_KNOWN_GOOD
        clock.step_utc(MAX_AGE_S)
        with pytest.raises(NotKnown):
            await ask(cache, world)

    asyncio.run(story())


@pytest.mark.parametrize("back_s", [3_600.0, 86_400.0])
def test_a_clock_that_was_set_back_costs_nobody_what_the_database_says_from_then_on(back_s):
    clock = ManualClock()

    async def story():
        world = World(clock)
        cache = cache_over(world, Shared(clock))
        await ask(cache, world)
        clock.step_utc(-back_s)
        clock.advance(TTL_S)
        assert (await ask(cache, world)).source is Source.DATABASE
        assert (await ask(cache, world)).source is Source.CACHE
        world.is_up = False
        clock.advance(TTL_S)
        assert (await ask(cache, world)).source is Source.LAST_KNOWN_GOOD

    asyncio.run(story())


@in_virtual_time
async def test_what_is_known_to_have_changed_and_what_brings_a_proof_cannot_wait():
    world, _, cache = await known()
    gate = cache._gate = Asked()
    await asyncio.sleep(TTL_S + 100)
    await ask(cache, world)
    cache.notice([Change(1, 1, ADA, "ada", takes_away=False)], 1)
    await ask(cache, world)
    cache.process.get(ADA, "live").lacks = PROVES_EMAIL
    proven = dataclasses.replace(question_of(ADA, "live"), is_proven=True)
    deadline = Deadline.after(world.clock.monotonic_s(), 8.0)
    await cache.answer(request_of(ADA, "live"), lambda: proven, deadline, proves=PROVES_EMAIL)
    assert gate.can_wait == [True, False, False]


@in_virtual_time
async def test_a_gap_takes_nothing_for_what_was_taken_before_and_what_has_changed_since():
    world, shared, cache = await known()
    cache.notice([], 9)
    cache.forget(ADA, "ada")
    await ask(cache, world)  # she has seen the taking, and not her newest credits
    await asyncio.sleep(0.1)
    changes = [Change(7, 1, ADA, "ada", takes_away=True), Change(12, 1, ADA, "ada", takes_away=False)]
    cache.catch_up(changes, 12, 0)
    await settled(cache, 12)
    assert (ADA in shared.fresh, shared.good[ADA].change_version) == (False, 9)
    world.is_up = False
    assert (await ask(cache, world)).source is Source.LAST_KNOWN_GOOD
    cache.catch_up([Change(13, 1, ADA, "ada", takes_away=True), *changes], 13, 0)
    await settled(cache, 13)
    assert ADA not in shared.good
    with pytest.raises(NotKnown):
        await ask(cache, world)


async def known_up_to(version):
    """A world and a Redis that holds Ada as of the change ``version``."""
    world, shared, cache = await known()
    cache.notice([], version)
    cache.forget(ADA, "ada")
    await ask(cache, world)
    return world, shared


@pytest.mark.parametrize("is_restored", [True, False])
@in_virtual_time
async def test_what_redis_holds_of_a_database_that_was_restored_since_is_given_to_nobody(is_restored):
    world, shared = await known_up_to(1_000)
    await asyncio.sleep(0.1)
    shared.good["did:privy:grace"] = dataclasses.replace(shared.good[ADA])
    await asyncio.sleep(60)
    world.people[ADA].generation = 7
    started = cache_over(world, shared)
    started.catch_up([], 500 if is_restored else 1_000, 0)
    assert (b" g7 " in (await ask(started, world)).rendered) is is_restored
    await settled(started, 2_000)
    assert list(shared.good) == ([] if is_restored else [ADA, "did:privy:grace"])


@in_virtual_time
async def test_what_another_process_wrote_since_this_one_caught_up_is_of_the_same_past():
    world, shared, cache = await known()
    started = cache_over(world, shared)
    started.catch_up([], 500, 0)
    cache.catch_up([], 600, 0)
    cache.forget(ADA, "ada")
    await ask(cache, world)
    await asyncio.sleep(0.1)
    assert (await ask(started, world)).source is Source.CACHE


@in_virtual_time
async def test_what_was_taken_from_redis_before_the_database_was_heard_of_goes_where_that_was_restored():
    world, shared = await known_up_to(1_000)
    await asyncio.sleep(60)
    world.is_up = False
    started = cache_over(world, shared)
    assert (await ask(started, world)).source is Source.LAST_KNOWN_GOOD
    started.catch_up([], 500, 0)
    with pytest.raises(NotKnown):
        await ask(started, world)


@pytest.mark.parametrize("is_heard", [True, False])
@in_virtual_time
async def test_a_process_that_starts_without_the_database_takes_nothing_for_fresh_that_may_have_changed(is_heard):
    world, shared, cache = await known()
    await asyncio.sleep(0.1)
    if not is_heard:
        cache.notice([Change(1, 1, ADA, "ada", takes_away=False)], 1)
        await settled(cache, 1)
    started = cache_over(world, shared)
    if is_heard:
        started.catch_up([], 0, 0)
    world.is_up = False
    assert (await ask(started, world)).source is (Source.CACHE if is_heard else Source.LAST_KNOWN_GOOD)
