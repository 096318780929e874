"""All that stands between a caller and the database, together, under random schedules of faults in virtual time.

Nobody is answered after their deadline, with another's answer, or turned away although they are known; nothing is lost
on the way; and the service is back after each fault, also where the server has room for fewer connections than before.
"""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest
from tests.support import cache_world
from tests.support.virtual_loop import VirtualClock, run_virtual
from tests.support.virtual_postgres import Server

from gatewayz_auth.adapters.postgres.connections import Connections
from gatewayz_auth.adapters.postgres.failures import DRIVER_ERRORS, in_our_words
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.breaker_machine import BreakerLimits, Phase
from gatewayz_auth.reliability.bulkhead import Bulkhead
from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.reliability.door import Door
from gatewayz_auth.reliability.neighbour_call import NeighbourCall
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.reliability.prober import Prober
from gatewayz_auth.reliability.recovery_pace import RecoveryPace
from gatewayz_auth.reliability.single_flight import SingleFlight
from gatewayz_auth.service.auth_cache import AuthCache, CachePolicy

CONNECTIONS = 5
PEOPLE = 100
BACK_WITHIN_S = 8.0
GRAIN_S = 0.01


class Service:
    """The parts, put together as ``bootstrap`` does, before a ``server`` and a table of people without end."""

    def __init__(self, server):
        self.server = server
        self.clock = clock = VirtualClock()
        self.tasks, self.abandoned = OwnedTasks("service", 2000), Abandoned()
        self.pool = Connections(
            server.connect, max_size=CONNECTIONS, min_size=CONNECTIONS, clock=clock, tasks=OwnedTasks("pool", 64)
        )
        self.breaker = CircuitBreaker("postgres", BreakerLimits(), clock)
        self.bulkhead = Bulkhead("postgres", CONNECTIONS, clock)
        self._call = NeighbourCall(self.bulkhead, self.breaker, clock, self.abandoned)
        self.flights = SingleFlight("postgres", clock)
        door = Door(self.breaker, self.bulkhead, RecoveryPace(clock), 5.0)
        self.prober = Prober(
            self.breaker,
            lambda: self._in_our_words(server.probe()),
            clock=clock,
            abandoned=self.abandoned,
            on_good_probe=lambda: self.pool.refill(2.0),
            question=lambda: self._rows(1.0),
        )
        self.breaker.subscribe(lambda change: self.pool.drop(is_away=True) if change.after == "open" else None)
        self.cache = AuthCache(
            CachePolicy(30.0, 3600.0, 0.15, 5.0), self, cache_world.Vault(), cache_world.render, None, self.flights,
            door, cache_world.NoResealing(), self.tasks, cache_world.Nobody(), clock, cache_world.Entropy(),
        )  # fmt: skip

    async def _in_our_words(self, work):
        try:
            return await work
        except DRIVER_ERRORS as error:
            raise in_our_words(error, "work", 1.0) from None

    async def _rows(self, limit_s):
        session = await self.pool.take(limit_s)
        try:
            await self._in_our_words(self.server.query(session))
        except BaseException:
            session.finish()
            raise
        finally:
            self.pool.give_back(session)

    async def find_or_make(self, wanted, deadline):
        own = deadline.tightened(self.clock.monotonic_s(), 5.0)
        await self._call(
            lambda: self._rows(own.left_s(self.clock.monotonic_s())),
            key=wanted.privy_user_id, deadline=own, own_limit_s=5.0, operation="sign_in",
        )  # fmt: skip
        world = cache_world.World.__new__(cache_world.World)
        world.is_up, number = True, int(wanted.privy_user_id.rpartition("-")[2])
        world.people = {wanted.privy_user_id: cache_world.Person(number)}
        return world.read(wanted)

    async def sign_in(self, privy_id, budget_s):
        request = cache_world.request_of(privy_id, "live")
        deadline = Deadline.after(self.clock.monotonic_s(), budget_s)
        return self.cache.fresh(request, proves=0) or await self.cache.answer(
            request, lambda: cache_world.question_of(privy_id, "live"), deadline, proves=0
        )

    def holds(self):
        """All that is taken; nothing where nobody asks."""
        return (self.bulkhead.taken, self.bulkhead.waiting, self.breaker.permits_out, len(self.flights), self.pool.out,
                self.abandoned.running("postgres"), len(self.tasks), len(self.cache._refreshing))  # fmt: skip


class Callers:
    """Come at random, with more or less time, and some of them leave."""

    def __init__(self, service, rng):
        self._service, self._rng = service, rng
        self._known, self._waiting = set(), set()

    async def come(self):
        rate = self._rng.choice([2, 20])
        while True:
            await asyncio.sleep(self._rng.expovariate(rate))
            one = asyncio.ensure_future(self._one(f"did:privy:p-{self._rng.randrange(PEOPLE)}"))
            self._waiting.add(one)
            if self._rng.random() < 0.1:
                asyncio.get_running_loop().call_later(self._rng.random() * 2, one.cancel)

    async def _one(self, privy_id):
        clock, budget_s = self._service.clock, self._rng.choice([0.3, 2.0, 7.75])
        came_s = clock.monotonic_s()
        was_known = privy_id in self._known
        try:
            answer = await self._service.sign_in(privy_id, budget_s)
        except NotKnown:
            assert not was_known, "turned away although known"
        else:
            assert answer.rendered.startswith(privy_id.encode() + b" "), "another's answer"
            self._known.add(privy_id)
        assert clock.monotonic_s() - came_s <= budget_s + GRAIN_S, "after the deadline"

    async def all_answered(self):
        outcomes = await asyncio.gather(*self._waiting, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome


async def fault(server, rng):
    """One of them, for a while."""
    kind, length_s = rng.choice(["frozen", "deaf", "refuses", "reset", "slow"]), rng.choice([0.3, 1, 3, 8, 20])
    if kind in {"frozen", "deaf"}:
        server.is_deaf = kind == "deaf"
        server.answers.clear()
        await asyncio.sleep(length_s)
        server.dead_up_to = rng.choice([server.dead_up_to, server.begun])
        server.answers.set()
    elif kind == "refuses":
        server.is_refusing = True
        server.open.clear()
        await asyncio.sleep(length_s)
        server.is_refusing = False
    elif kind == "reset":
        server.open.clear()
    else:
        server.takes_s = rng.choice([0.2, 0.7])
        await asyncio.sleep(length_s)
        server.takes_s = 0.005


async def story(seed):
    rng = random.Random(seed)  # noqa: S311 - chance that can be repeated
    server = Server(room=rng.choice([3, 100]))
    service = Service(server)
    service.pool.open()
    probing = asyncio.ensure_future(service.prober.run())
    callers = Callers(service, rng)
    coming = asyncio.ensure_future(callers.come())
    for number in range(4):
        await asyncio.sleep(5)
        await fault(server, rng)
        await asyncio.sleep(BACK_WITHIN_S)
        stranger = await service.sign_in(f"did:privy:p-{PEOPLE + number}", 1.0)
        assert stranger.source.value == "database", "not back"
        assert service.breaker.phase is Phase.CLOSED
    coming.cancel()
    await callers.all_answered()
    await asyncio.sleep(10)
    assert service.holds() == (0,) * 8, "something was lost"
    assert server.most <= CONNECTIONS
    probing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await probing
    service.pool.close()
    server.close()


@pytest.mark.parametrize("seed", range(20))
def test_everybody_is_answered_in_time_and_the_service_is_back_whatever_the_database_does(seed):
    run_virtual(lambda: story(seed))
