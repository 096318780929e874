"""An API key and what processes share: known after a restart in an outage, and nothing is taken back from there."""

import asyncio
import dataclasses

import pytest
from tests.support.key_world import AWAY, SharedByAll, World
from tests.support.people import person
from tests.support.virtual_loop import in_virtual_time

from gatewayz_auth.domain.cached_person import CachedPerson
from gatewayz_auth.domain.errors import AccountDisabled, ApiKeyNotAccepted, NotKnown
from gatewayz_auth.domain.sign_in import Source


async def restarted_in_an_outage(*, is_active=True, has_key=True, ttl_s=300.0, max_age_s=3600.0):
    """A key that a process had checked, and a new process that comes up beside a database that is away."""
    before = World(shared=SharedByAll())
    api_key, digest = before.key(user_id=5)
    await before.ask(api_key)
    while len(before.tasks):
        await asyncio.sleep(0.01)
    after = World(ttl_s, max_age_s, before.shared)
    after.error = AWAY
    found = before.rows[digest]
    account = person("p5", user_id=5, is_active=is_active).account
    keys = (found.stored,) if has_key else ()
    after.shared.people["did:privy:p5"] = CachedPerson(account, keys, after.clock.utc_now_s() - 60, 0)
    return after, api_key, found.holder


@in_virtual_time
async def test_a_process_that_comes_up_in_an_outage_knows_a_key_by_what_its_owner_last_had():
    world, api_key, holder = await restarted_in_an_outage()
    checked = await world.ask(api_key)
    assert (checked.holder, checked.source) == (holder, Source.LAST_KNOWN_GOOD)
    assert 60 <= checked.age_s < 61
    world.takes_s = 10.0
    began_s = world.clock.monotonic_s()
    assert (await world.ask(api_key)).source is Source.LAST_KNOWN_GOOD
    assert world.clock.monotonic_s() - began_s == pytest.approx(0.15)


@pytest.mark.parametrize("what", [{"is_active": False}, {"has_key": False}, {"ttl_s": 20.0, "max_age_s": 30.0}])
@in_virtual_time
async def test_what_ends_last_known_good_for_its_owner_ends_it_for_the_key(what):
    world, api_key, _ = await restarted_in_an_outage(**what)
    with pytest.raises(NotKnown):
        await world.ask(api_key)


@pytest.mark.parametrize("what", [{"is_revoked": True}, {"is_active": False}])
@in_virtual_time
async def test_what_the_database_refused_is_not_taken_back_from_what_is_shared(what):
    world = World(shared=SharedByAll())
    api_key, digest = world.key(user_id=5)
    await world.ask(api_key)
    stored = world.rows[digest].stored
    world.shared.people["did:privy:p5"] = CachedPerson(
        person("p5", user_id=5).account, (stored,), world.clock.utc_now_s(), 0
    )
    await asyncio.sleep(400)
    world.change(digest, **what)
    with pytest.raises((ApiKeyNotAccepted, AccountDisabled)):
        await world.ask(api_key)
    world.error = AWAY  # before the next reading of changes
    with pytest.raises(NotKnown):
        await world.ask(api_key)


@in_virtual_time
async def test_whoever_shows_a_key_that_was_revoked_long_ago_costs_its_owner_nothing():
    world = World(shared=SharedByAll())
    api_key, digest = world.key(user_id=5)
    world.change(digest, is_revoked=True)
    with pytest.raises(ApiKeyNotAccepted):
        await world.ask(api_key)
    person_since = CachedPerson(person("p5", user_id=5).account, (), world.clock.utc_now_s(), 0)
    world.shared.people["did:privy:p5"] = person_since
    for _ in range(3):
        with pytest.raises(ApiKeyNotAccepted):
            await world.ask(api_key)
    assert world.shared.people == {"did:privy:p5": person_since}


@in_virtual_time
async def test_a_change_that_is_known_here_beats_what_is_shared():
    world, api_key, _ = await restarted_in_an_outage()
    world.tell(5, takes_away=True)
    with pytest.raises(NotKnown):
        await world.ask(api_key)


@in_virtual_time
async def test_a_change_that_takes_nothing_away_does_not_end_what_is_shared():
    world, api_key, _ = await restarted_in_an_outage()
    world.tell(5, takes_away=False)
    assert (await world.ask(api_key)).source is Source.LAST_KNOWN_GOOD


@in_virtual_time
async def test_a_key_is_not_vouched_for_by_somebody_else_who_is_said_to_own_it():
    world, api_key, _ = await restarted_in_an_outage()
    _, digest = world.key(user_id=6)
    world.shared.people["did:privy:p6"] = CachedPerson(
        person("p6", user_id=6).account, (world.rows[digest].stored,), world.clock.utc_now_s(), 0
    )
    world.shared.owners = dict.fromkeys(world.shared.owners, "did:privy:p6")
    with pytest.raises(NotKnown):
        await world.ask(api_key)


@in_virtual_time
async def test_an_older_answer_that_is_shared_does_not_take_the_place_of_a_newer_one():
    world = World(shared=SharedByAll())
    api_key, digest = world.key(user_id=5)
    account, stored = person("p5", user_id=5).account, world.rows[digest].stored
    world.shared.people["did:privy:p5"] = CachedPerson(account, (stored,), world.clock.utc_now_s() - 3000, 0)
    real = world.shared.key_owner

    async def slow(digest):
        await asyncio.sleep(0.04)
        return "did:privy:p5"

    world.takes_s, world.shared.key_owner = 0.0, slow
    late = asyncio.ensure_future(world.ask(api_key))
    await asyncio.sleep(0.01)
    world.shared.key_owner = real
    assert (await world.ask(api_key)).source is Source.DATABASE
    world.error = AWAY
    await late
    await asyncio.sleep(1000)
    assert (await world.ask(api_key)).age_s == pytest.approx(1000, abs=1)


@pytest.mark.parametrize("is_restored", [True, False])
@in_virtual_time
async def test_what_was_taken_from_redis_before_the_database_was_heard_of_goes_where_that_was_restored(is_restored):
    world, api_key, holder = await restarted_in_an_outage()
    (owner, theirs), *_ = world.shared.people.items()
    world.shared.people[owner] = dataclasses.replace(theirs, change_version=1_000)
    assert (await world.ask(api_key)).holder == holder
    world.shared.people.clear()
    world.check.catch_up([], 500 if is_restored else 1_000, 0)
    if is_restored:
        with pytest.raises(NotKnown):
            await world.ask(api_key)
    else:
        assert (await world.ask(api_key)).holder == holder
