"""Queue, breaker and guard in their right order: nothing is lost between them."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from tests.support.virtual_loop import VirtualClock, deaf, in_virtual_time

from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown, Overloaded, QueryTimeoutError
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.bulkhead import Bulkhead
from gatewayz_auth.reliability.circuit_breaker import BreakerLimits, CircuitBreaker, Phase
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.reliability.neighbour_call import NeighbourCall


class _House:
    def __init__(self, slots=2):
        clock = VirtualClock()
        self.bulkhead = Bulkhead("postgres", slots, clock)
        self.breaker = CircuitBreaker("postgres", BreakerLimits(), clock)
        self.abandoned = Abandoned()
        self._call = NeighbourCall(self.bulkhead, self.breaker, clock, self.abandoned)

    def __call__(self, work, *, key="ada", budget_s=8.0, own_limit_s=5.0):
        deadline = Deadline.after(asyncio.get_running_loop().time(), budget_s)
        return asyncio.ensure_future(
            self._call(work, key=key, deadline=deadline, own_limit_s=own_limit_s, operation="x")
        )


@in_virtual_time
async def test_deaf_work_keeps_its_slot_but_not_its_permit_nor_its_caller():
    house = _House()
    with pytest.raises(QueryTimeoutError):
        await house(lambda: deaf(60), own_limit_s=0.5)
    assert (house.bulkhead.taken, house.breaker.permits_out) == (1, 0)
    await asyncio.sleep(60)
    assert house.bulkhead.taken == 0


@in_virtual_time
async def test_the_limit_covers_the_queue_as_well():
    house = _House(1)
    first = house(lambda: asyncio.sleep(0.4, "first"))
    await asyncio.sleep(0)
    with pytest.raises(NotKnown):
        await house(lambda: asyncio.sleep(60), own_limit_s=0.55)
    assert asyncio.get_running_loop().time() <= 0.56
    assert await first == "first"


@in_virtual_time
async def test_an_open_breaker_refuses_before_the_queue():
    house = _House()
    slow = house(lambda: asyncio.sleep(60))
    with pytest.raises(QueryTimeoutError, match=r"timeout exceeded 0\.6s"):
        await slow
    assert house.breaker.phase is Phase.OPEN
    with pytest.raises(NeighbourUnavailable):
        await house(lambda: asyncio.sleep(0))
    await asyncio.sleep(0.01)
    assert house.bulkhead.taken == 0


@in_virtual_time
async def test_whoever_queued_and_then_gets_no_permit_gives_the_slot_back():
    house = _House(2)
    left = [house(lambda: deaf(2.0), own_limit_s=0.2) for _ in range(2)]  # their slots come back in the same moment
    await asyncio.gather(*left, return_exceptions=True)
    while house.breaker.phase is not Phase.OPEN:
        with contextlib.suppress(ConnectionResetError), house.breaker.permit():
            raise ConnectionResetError
    house.breaker.probe_good(0.001)
    calls = [house(lambda: asyncio.sleep(0.1), key=key, budget_s=20.0, own_limit_s=20.0) for key in range(2)]
    await asyncio.sleep(0)
    assert house.bulkhead.waiting == 2
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results].count(NeighbourUnavailable) == 1  # half-open: one at a time
    await asyncio.sleep(0.01)
    assert (house.bulkhead.taken, house.bulkhead.waiting, house.breaker.permits_out) == (0, 0, 0)


@in_virtual_time
async def test_saturation_of_our_own_never_opens_the_breaker():
    house = _House(4)
    calls = [house(lambda: asyncio.sleep(0.3), key=key, own_limit_s=2.0) for key in range(500)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, Overloaded) for result in results) > 400
    assert sum(result is None for result in results) >= 16
    assert house.breaker.phase is Phase.CLOSED
    assert (house.bulkhead.taken, house.breaker.permits_out) == (0, 0)
