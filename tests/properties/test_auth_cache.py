"""Whatever the order of sign-ins, changes, lost messages, evictions, restarts, outages and expiries: no answer is older
than its bound, none is another's, and none outlives a disabling or a revocation by more than the bound."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import itertools
import uuid
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gatewayz_auth.domain.changes import Change
from gatewayz_auth.domain.errors import AccountDisabled, NeighbourUnavailable, NotKnown
from gatewayz_auth.domain.sign_in import FindOrMake, Found, NewKey, SignInRequest, Source, StoredKey
from gatewayz_auth.domain.users import Account
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.reliability.single_flight import SingleFlight
from gatewayz_auth.service.auth_cache import AuthCache, CachePolicy

TTL_S = 300.0
MAX_AGE_S = 3600.0
NOTICE_S = 1.0
PEOPLE = ("did:privy:ada", "did:privy:grace", "did:privy:octo")
WHEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Clock:
    def __init__(self):
        self.now_s = 1_000_000.0

    def monotonic_s(self):
        return self.now_s

    def utc_now_s(self):
        return self.now_s


class Entropy:
    def __init__(self):
        self._turn = itertools.cycle((0.0, 0.5, 0.99))

    def fraction(self):
        return next(self._turn)


@dataclasses.dataclass
class Person:
    user_id: int
    generation: int = 0  # shown as the display name, so that an answer tells how old its truth is
    key_generation: int = 0
    is_active: bool = True
    changed_at_s: float = 0.0


class World:
    """The truth, as the database holds it, and its table of changes."""

    def __init__(self, clock):
        self.clock = clock
        self.people = {privy_id: Person(number) for number, privy_id in enumerate(PEOPLE, 1)}
        self.changes: list[Change] = []
        self.is_up = True
        self.gate: asyncio.Event | None = None
        self.history: dict[str, list[tuple[float, tuple]]] = {p: [(0.0, self.shape(p))] for p in PEOPLE}

    def shape(self, privy_id):
        person = self.people[privy_id]
        return person.generation, person.key_generation, person.is_active

    def changed(self, privy_id, *, takes_away):
        person = self.people[privy_id]
        self.changes.append(Change(len(self.changes) + 1, person.user_id, privy_id, privy_id[10:], takes_away))
        self.history[privy_id].append((self.clock.now_s, self.shape(privy_id)))

    async def find_or_make(self, wanted: FindOrMake, deadline: Deadline):
        found = self.read(wanted)
        if self.gate is not None:
            await self.gate.wait()
        return found

    def read(self, wanted: FindOrMake):
        if not self.is_up:
            raise NeighbourUnavailable("postgres", "away")
        person = self.people[wanted.privy_user_id]
        account = Account(
            person.user_id, "default", wanted.privy_user_id, wanted.privy_user_id[10:], f"g{person.generation}",
            "email", "a@example.com", None, None, None, Decimal(3), "basic", "trial", None, None, False,
            person.is_active, WHEN,
        )  # fmt: skip
        key = StoredKey(uuid.UUID(int=person.user_id), wanted.environment_tag, "gw", "ring",
                        f"k{person.key_generation}".encode(), b"")  # fmt: skip
        return Found(account, key if person.is_active else None, False)


class Vault:
    def mint(self, tag):
        return NewKey(uuid.UUID(int=9), tag, "gw", b"", "ring", b"", b"")

    def open(self, key, user_id):
        if key.key_id.int != user_id:
            raise NotKnown("moved")
        return f"{user_id}:{key.sealed.decode()}:{key.environment_tag}"


class Shared:
    """A Redis without its clock: it holds, loses and is away."""

    def __init__(self, clock):
        self.clock = clock
        self.fresh: dict[str, object] = {}
        self.good: dict[str, object] = {}
        self.is_up = True

    async def get(self, privy_id):
        if not self.is_up:
            return None
        person = self.fresh.get(privy_id)
        if person is not None and person.age_s(self.clock.now_s) < TTL_S:
            return person
        person = self.good.get(privy_id)
        return person if person is not None and person.age_s(self.clock.now_s) <= MAX_AGE_S else None

    async def put(self, person):
        if self.is_up:
            self.fresh[person.account.privy_user_id] = self.good[person.account.privy_user_id] = person

    async def forget(self, privy_id, username, *, also_last_known_good):
        if self.is_up:
            self.fresh.pop(privy_id, None)
            if also_last_known_good:
                self.good.pop(privy_id, None)
        return self.is_up


class OpenGate:
    """No breaker: whoever asks is let through."""

    def check(self):
        pass

    def opening(self):
        return asyncio.get_running_loop().create_future()

    def expired(self, waited_s, limit_s):
        pass


class Nobody:
    def cache_asked(self, tier, result):
        pass

    def database_asked(self):
        pass

    def lookup_timed_out(self, limit_s):
        pass


def render(account, api_key, *, is_new):
    return f"{account.privy_user_id} {account.display_name} {api_key}".encode()


def request_of(privy_id, tag):
    return SignInRequest("t", None, privy_id, (), None, False, tag, True, None)


def question_of(privy_id, tag):
    return FindOrMake(privy_id, "default", True, "x", None, "email", None, None, None, None, False, False, Decimal(3),
                      Decimal(3), "basic", 3, tag, Vault().mint(tag), None)  # fmt: skip


class Sessions(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.world = World(self.clock)
        self.shared = Shared(self.clock)
        self.noticed = [0, 0]
        self.processes = [self.process(), self.process()]

    def process(self):
        self_tasks = OwnedTasks("later", 64)
        policy = CachePolicy(TTL_S, MAX_AGE_S, 0.15, 5.0)
        return AuthCache(policy, self.world, Vault(), render, self.shared, SingleFlight("postgres", self.clock), OpenGate(),
                         self_tasks, Nobody(), self.clock, Entropy())  # fmt: skip

    def settle(self):
        for _ in range(6):
            self.loop.run_until_complete(asyncio.sleep(0))

    def poll(self, index):
        """What each process does once a second: read what changed."""
        if not self.world.is_up:
            return

        async def notice():
            self.notice_now(index)

        self.loop.run_until_complete(notice())
        self.settle()

    def notice_now(self, index):
        changes = self.world.changes[self.noticed[index] :]
        self.noticed[index] = len(self.world.changes)
        self.processes[index].notice(changes, len(self.world.changes))

    @rule(privy_id=st.sampled_from(PEOPLE), tag=st.sampled_from(("live", "test")))
    def signs_in_everywhere(self, privy_id, tag):
        self.sign_in(0, privy_id, tag)
        self.sign_in(1, privy_id, tag)

    @rule(
        index=st.integers(0, 1),
        privy_id=st.sampled_from(PEOPLE),
        change=st.sampled_from(("update", "revoke", "disable_or_enable")),
        is_noticed=st.booleans(),
    )
    def a_change_overtakes_a_sign_in(self, index, privy_id, change, is_noticed):
        """The database was read before the change, and what it said arrives after the change was noticed."""
        if not self.world.is_up:
            return
        self.processes[index].process.forget(privy_id)
        self.shared.fresh.pop(privy_id, None)
        self.shared.good.pop(privy_id, None)
        gate = self.world.gate = asyncio.Event()
        deadline = Deadline.after(self.clock.now_s, 8.0)

        async def overtaken():
            asked = asyncio.ensure_future(
                self.processes[index].answer(
                    request_of(privy_id, "live"), lambda: question_of(privy_id, "live"), deadline, is_proven=False
                )
            )
            for _ in range(5):
                await asyncio.sleep(0)
            getattr(self, change)(privy_id)
            if is_noticed:
                self.notice_now(index)
            gate.set()
            await asyncio.gather(asked, return_exceptions=True)

        self.loop.run_until_complete(overtaken())
        self.world.gate = None
        self.settle()

    @rule(index=st.integers(0, 1), privy_id=st.sampled_from(PEOPLE), tag=st.sampled_from(("live", "live", "test")))
    def sign_in(self, index, privy_id, tag):
        cache = self.processes[index]
        request = request_of(privy_id, tag)

        async def ask():
            ready = cache.fresh(request, is_proven=False)
            if ready is not None:
                return ready
            deadline = Deadline.after(self.clock.now_s, 8.0)
            return await cache.answer(request, lambda: question_of(privy_id, tag), deadline, is_proven=False)

        try:
            answer = self.loop.run_until_complete(ask())
        except AccountDisabled:
            assert self.could_have_been(privy_id, lambda shape: not shape[2], NOTICE_S)
            answer = None
        except NotKnown:
            assert not self.world.is_up, "not known while the database answers"
            answer = None
        self.settle()
        if answer is None:
            return
        who, shown, key = answer.rendered.decode().split()
        person = self.world.people[privy_id]
        assert who == privy_id, "somebody else's answer"
        assert key.split(":")[0] == str(person.user_id), "somebody else's key"
        assert key.endswith(f":{tag}"), "a key of another tag"
        bound_s = {Source.DATABASE: 0.0, Source.CACHE: TTL_S, Source.LAST_KNOWN_GOOD: MAX_AGE_S}[answer.source]
        assert answer.age_s <= bound_s, "older than its bound"
        told = (int(shown[1:]), int(key.split(":")[1][1:]), True)
        assert self.could_have_been(privy_id, lambda shape: shape == told, answer.age_s + 0.001), "was never true then"
        if answer.source is Source.LAST_KNOWN_GOOD:
            assert not self.world.is_up, "last known good although the database answers"
        since = self.changes_since(privy_id, told)
        noticed = [change for change in since if change.change_id <= self.noticed[index]]
        assert not any(change.takes_away for change in noticed), "outlived a disabling or a revocation"
        assert not noticed or answer.source is Source.LAST_KNOWN_GOOD, "given as fresh after its change was noticed"

    def could_have_been(self, privy_id, fits, within_s):
        """Whether the truth had that shape at any instant of the last ``within_s`` seconds."""
        history = self.world.history[privy_id]
        for (_, shape), after in zip(history, [*history[1:], (float("inf"), None)], strict=True):
            if after[0] >= self.clock.now_s - within_s and fits(shape):
                return True
        return False

    def changes_since(self, privy_id, told):
        """The changes of the person since what was ``told`` was last true."""
        person_changes = [change for change in self.world.changes if change.privy_user_id == privy_id]
        shapes = [shape for _, shape in self.world.history[privy_id]]
        last = len(shapes) - 1 - shapes[::-1].index(told)
        return person_changes[last:]

    @rule(privy_id=st.sampled_from(PEOPLE))
    def update(self, privy_id):
        if self.world.is_up:
            self.world.people[privy_id].generation += 1
            self.world.changed(privy_id, takes_away=False)

    @rule(privy_id=st.sampled_from(PEOPLE))
    def revoke(self, privy_id):
        if self.world.is_up:
            self.world.people[privy_id].key_generation += 1
            self.world.changed(privy_id, takes_away=True)

    @rule(privy_id=st.sampled_from(PEOPLE))
    def disable_or_enable(self, privy_id):
        if self.world.is_up:
            person = self.world.people[privy_id]
            person.is_active = not person.is_active
            person.generation += 1
            self.world.changed(privy_id, takes_away=True)

    @rule(index=st.integers(0, 1))
    def message_arrives(self, index):
        self.poll(index)

    @rule(seconds=st.sampled_from((0.2, 0.7, 3.0, 60.0, 250.0, 310.0, 4000.0)))
    def time_passes(self, seconds):
        self.clock.now_s += seconds
        if seconds >= NOTICE_S / 2:
            self.poll(0)
            self.poll(1)

    @rule(index=st.integers(0, 1), kept=st.sampled_from((0, 3, 1000)))
    def restart(self, index, kept):
        """A new process reads the changes of late; what is older than those, it takes from nobody."""
        if self.world.is_up:
            known = len(self.world.changes)
            floor = max(0, known - kept)
            self.processes[index] = self.process()
            self.noticed[index] = known
            changes = self.world.changes[floor:]

            async def notice():
                self.processes[index].notice(changes, known, floor=floor)

            self.loop.run_until_complete(notice())
            self.settle()

    @rule(index=st.integers(0, 1), privy_id=st.sampled_from(PEOPLE))
    def evict(self, index, privy_id):
        self.processes[index].process.forget(privy_id)

    @rule()
    def database_goes_or_comes(self):
        self.world.is_up = not self.world.is_up
        if self.world.is_up:
            self.poll(0)
            self.poll(1)

    @rule(privy_id=st.sampled_from(PEOPLE))
    def an_outage_past_the_time_to_live(self, privy_id):
        self.world.is_up = False
        self.clock.now_s += 301.0
        self.signs_in_everywhere(privy_id, "live")

    @rule(privy_id=st.sampled_from(PEOPLE))
    def an_outage_past_every_age(self, privy_id):
        self.world.is_up = False
        self.clock.now_s += MAX_AGE_S + 1.0
        self.signs_in_everywhere(privy_id, "live")

    @rule()
    def redis_goes_or_comes(self):
        self.shared.is_up = not self.shared.is_up

    @rule()
    def redis_restarts_empty(self):
        self.shared.fresh.clear()
        self.shared.good.clear()

    @invariant()
    def bounded(self):
        for cache in getattr(self, "processes", ()):
            assert len(cache.process) <= len(PEOPLE) * 3

    def teardown(self):
        if hasattr(self, "loop"):
            self.settle()
            self.loop.close()


Sessions.TestCase.settings = settings(max_examples=300, stateful_step_count=50, deadline=None, print_blob=True)
test_no_answer_is_wrong_or_too_old = Sessions.TestCase
