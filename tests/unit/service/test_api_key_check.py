"""An API key: never 401 for our failure, never accepted once its revocation is known, junk costs nothing."""

import asyncio
import uuid

import pytest
from tests.support.cache_world import Asked
from tests.support.key_world import AWAY, World
from tests.support.virtual_loop import in_virtual_time

from gatewayz_auth.domain.changes import Change
from gatewayz_auth.domain.errors import AccountDisabled, ApiKeyNotAccepted, NotKnown
from gatewayz_auth.domain.key_holder import FoundKey, KeyHolder
from gatewayz_auth.domain.sign_in import Source


@pytest.mark.parametrize(
    "junk", [None, "", "x", "gw_live_", "gw_live_" + "a" * 36, "Bearer x", "gw_live_ä" + "a" * 35, "\0" * 45]
)
@in_virtual_time
async def test_junk_is_refused_without_a_look_up_even_while_the_database_is_away(junk):
    world = World()
    world.error = AWAY
    with pytest.raises(ApiKeyNotAccepted):
        await world.ask(junk)
    assert world.asked == 0


@in_virtual_time
async def test_a_key_is_looked_up_once_and_then_remembered():
    world = World()
    api_key, _ = world.key(user_id=7)
    first, then = await world.ask(api_key), await world.ask(api_key)
    assert (first.holder.user_id, first.source) == (7, Source.DATABASE)
    assert (then.holder, then.source) == (first.holder, Source.CACHE)
    assert world.asked == 1


@in_virtual_time
async def test_all_who_show_a_key_at_once_ask_the_database_once():
    world = World()
    api_key, _ = world.key()
    await asyncio.gather(*(world.ask(api_key) for _ in range(50)))
    assert world.asked == 1


@in_virtual_time
async def test_a_key_that_nobody_made_is_refused_each_time_by_the_database_and_never_remembered_as_unknown():
    world = World()
    api_key, digest = world.key()
    found = world.rows.pop(digest)
    with pytest.raises(ApiKeyNotAccepted):
        await world.ask(api_key)
    world.rows[digest] = found
    assert (await world.ask(api_key)).source is Source.DATABASE


@pytest.mark.parametrize("takes_s", [0.0, 60.0])
@in_virtual_time
async def test_our_failure_is_never_told_as_a_key_that_is_not_accepted(takes_s):
    world = World()
    api_key, _ = world.key()
    world.error, world.takes_s = AWAY, takes_s
    began_s = world.clock.monotonic_s()
    with pytest.raises(NotKnown):
        await world.ask(api_key)
    assert world.clock.monotonic_s() - began_s <= 5.0


@in_virtual_time
async def test_a_caller_with_little_time_left_is_let_go_in_it():
    world = World()
    api_key, _ = world.key()
    world.takes_s = 60.0
    with pytest.raises(NotKnown):
        await world.ask(api_key, budget_s=0.5)
    assert world.clock.monotonic_s() <= 0.5


@pytest.mark.parametrize("takes_s", [0.0, 60.0])
@in_virtual_time
async def test_what_was_known_last_is_given_and_said_while_the_database_does_not_answer(takes_s):
    world = World()
    api_key, _ = world.key()
    await world.ask(api_key)
    await asyncio.sleep(400)
    world.error, world.takes_s = AWAY, takes_s
    began_s = world.clock.monotonic_s()
    checked = await world.ask(api_key)
    assert checked.source is Source.LAST_KNOWN_GOOD
    assert 400 <= checked.age_s < 401
    assert world.clock.monotonic_s() - began_s <= 0.16
    await asyncio.sleep(3600)
    with pytest.raises(NotKnown):
        await world.ask(api_key)


@pytest.mark.parametrize("is_known", ["revoked", "disabled"])
@in_virtual_time
async def test_revocation_beats_staleness_as_soon_as_it_is_noticed_whether_or_not_the_database_answers(is_known):
    world = World()
    api_key, digest = world.key(user_id=3)
    other, _ = world.key(user_id=4)
    await world.ask(api_key)
    await world.ask(other)
    world.change(digest, **({"is_revoked": True} if is_known == "revoked" else {"is_active": False}))
    world.tell(3, takes_away=True)
    world.error = AWAY
    with pytest.raises(NotKnown):
        await world.ask(api_key)
    assert (await world.ask(other)).source is Source.CACHE
    world.error = None
    with pytest.raises(ApiKeyNotAccepted if is_known == "revoked" else AccountDisabled):
        await world.ask(api_key)


@in_virtual_time
async def test_a_refusal_by_the_database_ends_what_was_remembered():
    world = World()
    api_key, digest = world.key()
    await world.ask(api_key)
    await asyncio.sleep(400)
    world.change(digest, is_revoked=True)
    with pytest.raises(ApiKeyNotAccepted):
        await world.ask(api_key)
    world.error = AWAY
    with pytest.raises(NotKnown):
        await world.ask(api_key)


@in_virtual_time
async def test_a_slow_look_up_that_began_before_the_revocation_is_not_remembered():
    world = World()
    api_key, digest = world.key(user_id=3)
    world.takes_s = 1.0
    asking = asyncio.ensure_future(world.ask(api_key))
    await asyncio.sleep(0.5)
    world.change(digest, is_revoked=True)
    world.tell(3, takes_away=True)
    assert (await asking).source is Source.DATABASE  # it was true when it was asked
    with pytest.raises(ApiKeyNotAccepted):
        await world.ask(api_key)


@in_virtual_time
async def test_who_waits_in_an_outage_while_the_revocation_is_noticed_is_not_given_what_was_remembered():
    world = World()
    api_key, _ = world.key(user_id=3)
    await world.ask(api_key)
    await asyncio.sleep(400)
    world.takes_s = 60.0
    asking = asyncio.ensure_future(world.ask(api_key))
    await asyncio.sleep(0.1)
    world.tell(3, takes_away=True)
    with pytest.raises(NotKnown):
        await asking


@in_virtual_time
async def test_any_other_change_and_a_gap_only_make_the_database_be_asked_first():
    world = World()
    api_key, _ = world.key(user_id=3)
    await world.ask(api_key)
    for outdate in (lambda: world.tell(3, takes_away=False), world.check.outdate_all):
        outdate()
        world.error = AWAY
        assert (await world.ask(api_key)).source is Source.LAST_KNOWN_GOOD
        world.error = None
        assert (await world.ask(api_key)).source is Source.DATABASE
        assert (await world.ask(api_key)).source is Source.CACHE


@pytest.mark.parametrize("is_known", [True, False], ids=["who_is_known", "up_to_a_floor"])
@in_virtual_time
async def test_whose_rights_were_taken_in_a_gap_is_not_given_from_memory(is_known):
    world = World()
    api_key, _ = world.key(user_id=3)
    await world.ask(api_key)
    taken = [Change(1, 3, "did:privy:ada", "ada", takes_away=True)] if is_known else []
    world.check.catch_up(taken, 2, 0 if is_known else 1)
    world.error = AWAY
    with pytest.raises(NotKnown):
        await world.ask(api_key)


@in_virtual_time
async def test_a_gap_takes_no_key_for_a_change_that_was_followed_by_name_before_its_name_was_erased():
    world = World()
    api_key, _ = world.key(user_id=3)
    await world.ask(api_key)
    world.check.notice([Change(1, 9, "did:privy:grace", "grace", takes_away=True)], 2)
    world.check.catch_up([], 3, 1)
    world.error = AWAY
    assert (await world.ask(api_key)).source is Source.LAST_KNOWN_GOOD


@pytest.mark.parametrize("floor", [0, 1])
@in_virtual_time
async def test_a_gap_takes_nothing_from_whoever_was_looked_up_since_what_it_tells_of(floor):
    world = World()
    api_key, _ = world.key(user_id=3)
    taken = [Change(1, 3, "did:privy:ada", "ada", takes_away=True)]
    world.check.catch_up(taken, 5, floor)
    await world.ask(api_key)
    world.check.catch_up(taken, 6, floor)
    world.error = AWAY
    assert (await world.ask(api_key)).source is Source.LAST_KNOWN_GOOD


@in_virtual_time
async def test_what_was_asked_for_before_it_began_anew_is_not_fresh_then():
    world = World()
    api_key, _ = world.key()
    world.check.catch_up([], 1_000_000, 0)
    under_way = asyncio.ensure_future(world.ask(api_key))
    await asyncio.sleep(0.001)
    world.check.catch_up([], 500, 0)
    await under_way
    assert (await world.ask(api_key)).source is Source.DATABASE
    assert (await world.ask(api_key)).source is Source.CACHE


@in_virtual_time
async def test_near_its_end_an_answer_is_refreshed_behind_the_caller():
    world = World()
    api_key, _ = world.key()
    await world.ask(api_key)
    await asyncio.sleep(250)
    world.takes_s = 2.0
    began_s = world.clock.monotonic_s()
    assert (await world.ask(api_key)).source is Source.CACHE
    assert world.clock.monotonic_s() == began_s
    while len(world.tasks):
        await asyncio.sleep(0.1)
    assert world.asked == 2
    assert (await world.ask(api_key)).age_s < 5


@in_virtual_time
async def test_a_row_that_was_given_to_somebody_else_or_another_key_is_not_vouched_for():
    world = World()
    api_key, digest = world.key(user_id=3)
    _, other_digest = world.key(user_id=4)
    found, other = world.rows[digest], world.rows[other_digest]
    moved = KeyHolder(4, found.holder.key_id, "live", None, "basic")
    for row in (FoundKey(moved, found.stored, is_revoked=False, is_active=True), other):
        world.rows[digest] = row
        with pytest.raises(NotKnown):
            await world.ask(api_key)


@in_virtual_time
async def test_who_asks_after_a_revocation_was_noticed_is_not_given_an_older_flights_answer():
    world = World()
    api_key, digest = world.key(user_id=3)
    world.takes_s = 4.5
    first = asyncio.ensure_future(world.ask(api_key))
    await asyncio.sleep(0.5)
    world.change(digest, is_revoked=True)
    world.tell(3, takes_away=True)
    await asyncio.sleep(3.5)
    with pytest.raises(ApiKeyNotAccepted):
        await world.ask(api_key)
    await first


@in_virtual_time
async def test_a_refresh_can_wait_and_what_is_known_to_have_changed_cannot():
    world = World()
    gate = world.check._gate = Asked()
    api_key, _ = world.key(user_id=3)
    await world.ask(api_key)
    await asyncio.sleep(250)
    assert (await world.ask(api_key)).source is Source.CACHE
    while len(world.tasks):
        await asyncio.sleep(0.1)
    world.tell(3, takes_away=False)
    await world.ask(api_key)
    assert gate.can_wait == [False, True, False]


@in_virtual_time
async def test_without_caching_nothing_is_remembered():
    world = World(ttl_s=0.0)
    api_key, _ = world.key()
    await world.ask(api_key)
    assert (await world.ask(api_key)).source is Source.DATABASE
    assert len(world.check.remembered) == 0


@in_virtual_time
async def test_no_key_is_shown_by_what_is_remembered():
    world = World()
    api_key, digest = world.key()
    checked = await world.ask(api_key)
    shown = repr((checked, world.rows[digest], world.check.remembered.get(digest)))
    assert api_key[8:] not in shown


def test_memory_is_bounded_and_its_indexes_are_emptied_with_it():
    from gatewayz_auth.service.key_cache import KeyCache, RememberedKey

    cache = KeyCache(max_keys=10, max_changes=5)
    for number in range(100):
        holder = KeyHolder(number % 7, uuid.UUID(int=number), "live", None, "basic")
        cache.put(bytes([number]), RememberedKey(holder, 0.0, 1.0))
        cache.changed(number, number + 1, takes_away=number % 2 == 0)
    assert len(cache) == 10
    assert cache.evictions == 90
    assert sum(len(cache.of(user_id)) for user_id in range(7)) == 10
    assert sum(cache.is_news(bytes([number])) for number in (*range(9), *range(4, 9))) == 9
    assert len(cache._revoked) == 5
    assert cache.is_outdated(1, 90)  # forgotten changes count against everybody
    assert not cache.is_outdated(1, 100)
    assert (cache.is_taken(1, 94), cache.is_taken(1, 95)) == (True, False)  # as far as they took something away
    for user_id in range(7):
        cache.forget_user(user_id, 1)
    assert len(cache) == 0
    assert cache._of_user == {}
