"""What the cache stands between: the truth, a keyring, a Redis and a clock, all in memory and turned by hand."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import itertools
import uuid
from decimal import Decimal

from gatewayz_auth.domain.changes import Change
from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown
from gatewayz_auth.domain.sign_in import FindOrMake, Found, NewKey, SignInRequest, StoredKey
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

    def thread_busy_s(self):
        return 0.0

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
        self.history[privy_id].append((self.clock.utc_now_s(), self.shape(privy_id)))

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
        if person is not None and person.age_s(self.clock.utc_now_s()) < TTL_S:
            return person
        person = self.good.get(privy_id)
        return person if person is not None and person.age_s(self.clock.utc_now_s()) <= MAX_AGE_S else None

    async def put(self, person):
        if self.is_up:
            self.fresh[person.account.privy_user_id] = self.good[person.account.privy_user_id] = person
        return self.is_up

    async def forget(self, privy_id, username, *, also_last_known_good):
        if self.is_up:
            self.fresh.pop(privy_id, None)
            if also_last_known_good:
                self.good.pop(privy_id, None)
        return self.is_up

    async def forget_everything(self, below, asked):
        if self.is_up:
            for people in (self.fresh, self.good):
                is_to_go = [one for one, person in people.items()
                            if person.change_version < below or asked[0] <= person.as_of_s <= asked[1]]  # fmt: skip
                for privy_id in is_to_go:
                    del people[privy_id]
        return self.is_up


class OpenGate:
    """No breaker: whoever asks is let through."""

    def check(self, *, can_wait=False):
        pass

    def opening(self):
        return asyncio.get_running_loop().create_future()

    def expired(self, waited_s, limit_s, worked_s):
        pass


class Asked(OpenGate):
    """Lets everybody through, and keeps whether they could have waited."""

    def __init__(self):
        self.can_wait = []

    def check(self, *, can_wait=False):
        self.can_wait.append(can_wait)


def cache_over(world, shared):
    """A process's cache over ``world`` and ``shared``, with a patience of 0.15 s and look-ups of 5 s at most."""
    policy = CachePolicy(TTL_S, MAX_AGE_S, 0.15, 5.0)
    clock = world.clock
    return AuthCache(policy, world, Vault(), render, shared, SingleFlight("postgres", clock), OpenGate(),
                     NoResealing(), OwnedTasks("later", 64), Nobody(), clock, Entropy())  # fmt: skip


class NoResealing:
    def consider(self, key, user_id):
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
