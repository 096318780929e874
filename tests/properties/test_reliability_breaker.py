"""The breaker, alone and in its house, under any order of events and any schedule of faults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.virtual_loop import VirtualClock, deaf, run_virtual

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.breaker_machine import (
    BreakerLimits,
    BreakerState,
    Event,
    Kind,
    Phase,
    may_ask,
    next_state,
)
from gatewayz_auth.reliability.bulkhead import Bulkhead
from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.reliability.neighbour_call import NeighbourCall
from gatewayz_auth.reliability.prober import Prober
from gatewayz_auth.reliability.single_flight import SingleFlight

LIMITS = BreakerLimits()
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(Kind),
        st.integers(0, 3).map(lambda steps: steps * 0.4),
        st.integers(0, 2),
        st.floats(0, 5),
    ),
    max_size=150,
)


@settings(max_examples=300, deadline=None, print_blob=True)
@given(EVENTS)
def test_no_order_of_events_leaves_it_stuck_or_lets_a_crowd_through(events):
    state, now_s = BreakerState(), 0.0
    for kind, gap_s, behind, value_s in events:
        now_s += gap_s
        generation = None if kind in {Kind.PROBE_GOOD, Kind.PROBE_BAD, Kind.TICK} else state.generation - behind
        if kind is Kind.ASKED and not may_ask(state, LIMITS):
            continue  # nobody asks without leave
        after = next_state(state, Event(kind, generation, value_s), now_s, LIMITS)
        assert after.generation - state.generation == (after.phase is not state.phase)
        assert not (after.phase is Phase.OPEN and may_ask(after, LIMITS))
        assert 0 <= after.running <= 1 << LIMITS.closing_answers
        assert len(after.strikes) < LIMITS.strikes
        if after.phase is Phase.CLOSED and state.phase is not Phase.CLOSED:
            assert state.phase is Phase.HALF_OPEN  # never straight from open
        state = after
    rested = next_state(state, Event(Kind.TICK), now_s + 5.001, LIMITS)
    if state.phase is not Phase.CLOSED:
        assert rested.phase is not state.phase  # left alone, neither open nor half-open is for ever


@dataclass(frozen=True)
class _Spell:
    """The neighbour's health for a while."""

    health: str
    lasts_s: float


SPELLS = st.lists(
    st.builds(
        _Spell,
        st.sampled_from(["well", "frozen", "deaf", "slow", "refuses", "a fifth is slow"]),
        st.integers(1, 40).map(lambda tenths: tenths / 10),
    ),
    min_size=1,
    max_size=6,
)


class _World:
    """A neighbour of changing health, and a house that calls it through everything we have."""

    budget_s = 3.0
    limit_s = 1.5

    def __init__(self):
        clock = VirtualClock()
        self.health = "well"
        self.asked = 0
        self.abandoned = Abandoned()
        self.bulkhead = Bulkhead("postgres", 4, clock)
        self.breaker = CircuitBreaker("postgres", LIMITS, clock)
        self.call = NeighbourCall(self.bulkhead, self.breaker, clock, self.abandoned)
        self.flights = SingleFlight("postgres", clock)
        self.prober = Prober(self.breaker, self.query, clock=clock, abandoned=self.abandoned)
        self.answered = 0
        self.late = []

    async def query(self):
        self.asked += 1
        health = self.health
        if health == "a fifth is slow":
            health = "slow" if self.asked % 5 == 0 else "well"
        if health == "refuses":
            raise ConnectionRefusedError
        if health == "deaf":
            await deaf(6.0)
        await asyncio.sleep({"frozen": 3600.0, "slow": 2.0}.get(health, 0.005))

    async def caller(self, key, patience_s):
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        deadline = Deadline.after(began_s, self.budget_s)

        async def look_up():
            await self.call(self.query, key=key, deadline=deadline, own_limit_s=self.limit_s, operation="x")

        try:
            self.breaker.check()
            await self.flights.join(
                key,
                look_up,
                limit_s=min(patience_s, self.budget_s),
                operation="x",
                give_up=self.breaker.opening(),
                on_expiry=self.breaker.expired,
            )
            self.answered += 1
        except (NotKnown, ConnectionRefusedError):
            pass
        if loop.time() - began_s > min(patience_s, self.budget_s) + 1e-6:
            self.late.append((key, loop.time() - began_s))

    async def load(self, seconds, seen):
        """Forty callers a second, of ten people; a third has little patience, a seventh goes away."""
        callers = []
        for index in range(int(seconds * 40)):
            patience_s = 0.15 if index % 3 == 0 else self.budget_s
            caller = asyncio.ensure_future(self.caller(f"person {index % 10}", patience_s))
            if index % 7 == 0:
                asyncio.get_running_loop().call_later(0.05, caller.cancel)
            callers.append(caller)
            await asyncio.sleep(1 / 40)
            seen.append((asyncio.get_running_loop().time(), self.breaker.phase))
        return callers


@settings(max_examples=60, deadline=None, print_blob=True)
@given(SPELLS)
def test_no_schedule_of_faults_makes_an_answer_late_loses_a_permit_or_keeps_the_house_shut(spells):
    async def main():
        world, seen, callers = _World(), [], []
        probing = asyncio.ensure_future(world.prober.run())
        for spell in spells:
            world.health = spell.health
            callers += await world.load(spell.lasts_s, seen)
        world.health = "well"
        callers += await world.load(9.0, seen)  # what is deaf ends within 6 s
        await asyncio.gather(*callers, return_exceptions=True)
        assert world.late == []
        before = world.answered
        await asyncio.gather(*(world.caller(f"newcomer {index}", 3.0) for index in range(20)))
        assert world.answered == before + 20
        await asyncio.sleep(0.1)
        assert world.breaker.phase is Phase.CLOSED
        assert (world.breaker.permits_out, world.bulkhead.taken, world.bulkhead.waiting) == (0, 0, 0)
        assert (len(world.flights), world.abandoned.running("postgres")) == (0, 0)
        probing.cancel()
        await asyncio.gather(probing, return_exceptions=True)
        return seen

    since_s = None
    for at_s, phase in run_virtual(main):
        if phase is not Phase.HALF_OPEN:
            since_s = None
        elif since_s is None:
            since_s = at_s
        else:
            assert at_s - since_s <= LIMITS.half_open_max_s + 0.1
