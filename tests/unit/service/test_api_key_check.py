"""An API key: never 401 for our failure, never accepted once its revocation is known, junk costs nothing."""

import asyncio
import uuid

import pytest
from tests.support.cache_world import Entropy, NoResealing, OpenGate
from tests.support.people import person
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.adapters.keyring import Keyring
from gatewayz_auth.domain.cached_person import CachedPerson
from gatewayz_auth.domain.changes import Change
from gatewayz_auth.domain.errors import AccountDisabled, ApiKeyNotAccepted, NeighbourUnavailable, NotKnown
from gatewayz_auth.domain.key_holder import FoundKey, KeyHolder
from gatewayz_auth.domain.sign_in import Source, StoredKey
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.reliability.single_flight import SingleFlight
from gatewayz_auth.service.api_key_check import ApiKeyCheck
from gatewayz_auth.service.auth_cache import CachePolicy

RING = Keyring(("s" * 40,), SystemEntropy())


def _stored(new, user_id):
    from gatewayz_auth.domain.api_keys import owner_tag

    return StoredKey(
        new.key_id, new.environment_tag, new.prefix, new.digest_key_id, new.sealed, owner_tag(new.owner_secret, user_id)
    )


class World:
    """A database of keys that answers, errs, or is silent for ``takes_s``; and the check in front of it."""

    def __init__(self, ttl_s=300.0, max_age_s=3600.0, shared=None):
        self.clock = VirtualClock()
        self.shared = shared
        self.rows = {}
        self.asked = 0
        self.error = None
        self.takes_s = 0.01
        self.tasks = OwnedTasks("test", 10)
        self.changes = 0
        policy = CachePolicy(ttl_s, max_age_s, 0.15, 5.0)
        self.check = ApiKeyCheck(
            lambda: policy, self, RING, SingleFlight("postgres", self.clock), OpenGate(), NoResealing(), self.tasks,
            self.clock, Entropy(), shared, shared,
        )  # fmt: skip

    def key(self, user_id=1, tag="live"):
        new = RING.mint(tag)
        stored = _stored(new, user_id)
        holder = KeyHolder(user_id, new.key_id, tag, f"did:privy:p{user_id}", "basic")
        self.rows[new.digest] = FoundKey(holder, stored, is_revoked=False, is_active=True)
        return RING.open(stored, user_id), new.digest

    def change(self, digest, **changes):
        found = self.rows[digest]
        fields = {"is_revoked": found.is_revoked, "is_active": found.is_active, **changes}
        self.rows[digest] = FoundKey(found.holder, found.stored, **fields)

    def tell(self, user_id, *, takes_away):
        self.changes += 1
        self.check.notice([Change(self.changes, user_id, None, None, takes_away)], self.changes)

    async def find(self, digests, deadline):
        self.asked += 1
        found = next((self.rows[digest] for digest in digests if digest in self.rows), None)
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        return found

    async def ask(self, api_key, budget_s=8.0):
        return await self.check.check(api_key, Deadline.after(self.clock.monotonic_s(), budget_s))


AWAY = NeighbourUnavailable("postgres", "away")


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


class SharedByAll:
    """What outlives a process: whose keys are, and what people had at their last sign-in."""

    def __init__(self):
        self.owners = {}
        self.people = {}

    async def put_key_owner(self, digest, privy_id):
        self.owners[digest] = privy_id
        return True

    async def key_owner(self, digest):
        return self.owners.get(digest)

    async def known_to_all(self, privy_id):
        return self.people.get(privy_id)


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


@in_virtual_time
async def test_a_change_that_is_known_here_beats_what_is_shared():
    world, api_key, _ = await restarted_in_an_outage()
    world.tell(5, takes_away=True)
    with pytest.raises(NotKnown):
        await world.ask(api_key)


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
        cache.changed(number, number + 1)
    assert len(cache) == 10
    assert cache.evictions == 90
    assert sum(len(cache.of(user_id)) for user_id in range(7)) == 10
    assert cache.is_outdated(1, 90)  # forgotten changes count against everybody
    assert not cache.is_outdated(1, 100)
    for user_id in range(7):
        cache.forget_user(user_id)
    assert len(cache) == 0
    assert cache._of_user == {}
