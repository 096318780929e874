"""Slots come back at the real end; whoever queues is answered in time or told at once; keys take turns."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.domain.errors import Overloaded, QueryTimeoutError
from gatewayz_auth.reliability.admission import Pace, fair_position
from gatewayz_auth.reliability.bulkhead import Bulkhead


def _bulkhead(slots=10, **bounds):
    return Bulkhead("postgres", slots, VirtualClock(), **bounds)


def _now():
    return asyncio.get_running_loop().time()


async def _call(bulkhead, key, takes_s, limit_s=8.0, **more):
    slot = await bulkhead.acquire(key, limit_s=limit_s, operation="x", **more)
    try:
        await asyncio.sleep(takes_s)
    finally:
        slot.release()
    return _now()


def _start(*args, **kwargs):
    return asyncio.ensure_future(_call(*args, **kwargs))


@in_virtual_time
async def test_no_more_than_the_slots_are_taken_at_once():
    bulkhead, most = _bulkhead(3), 0

    async def call(key):
        nonlocal most
        slot = await bulkhead.acquire(key, limit_s=8, operation="x")
        most = max(most, bulkhead.taken)
        await asyncio.sleep(0.01)
        slot.release()

    await asyncio.gather(*(call(key) for key in range(50)))
    assert (most, bulkhead.taken, bulkhead.waiting) == (3, 0, 0)


@in_virtual_time
async def test_whoever_cannot_be_answered_in_time_is_refused_at_once_and_the_rest_are_answered():
    bulkhead = _bulkhead(10)
    for _ in range(60):
        await _call(bulkhead, "warm", 0.2)
    began_s = _now()
    calls = [_start(bulkhead, key, 0.2) for key in range(1000)]
    await asyncio.sleep(0.001)
    refused = [call for call in calls if call.done()]
    assert all(isinstance(call.exception(), Overloaded) for call in refused)
    answered = [await call for call in calls if call not in refused]
    assert max(answered) - began_s <= 8.0
    # 10 slots, 0.2 s each, 8 s: 400 at the very best; the margin of the estimate is all that is lost
    assert len(answered) >= 0.75 * 400
    assert len(answered) + len(refused) == 1000


@in_virtual_time
async def test_a_slot_that_is_never_given_back_is_never_given_out_again():
    bulkhead = _bulkhead(1)
    await bulkhead.acquire("abandoned", limit_s=8, operation="x")
    with pytest.raises(Overloaded, match="no slot came free in time"):
        await bulkhead.acquire("b", limit_s=1, operation="x")
    assert _now() == 1
    assert (bulkhead.taken, bulkhead.waiting) == (1, 0)


@in_virtual_time
async def test_slots_that_stand_still_are_seen_although_the_last_ones_were_quick():
    bulkhead = _bulkhead(2)
    for _ in range(20):
        await _call(bulkhead, "quick", 0.001)
    for _ in range(2):
        await bulkhead.acquire("stands", limit_s=8, operation="x")
    await asyncio.sleep(3)
    began_s = _now()
    with pytest.raises(Overloaded, match="expected"):
        await bulkhead.acquire("b", limit_s=2, operation="x")
    assert _now() == began_s


@in_virtual_time
async def test_keys_take_turns_so_that_one_with_many_does_not_hold_up_the_others():
    bulkhead, order = _bulkhead(1), []

    async def call(key):
        await _call(bulkhead, key, 0.01)
        order.append(key)

    calls = [asyncio.ensure_future(call("many")) for _ in range(20)]
    await asyncio.sleep(0)
    calls += [asyncio.ensure_future(call(key)) for key in ("ada", "bob", "eve")]
    await asyncio.gather(*calls)
    assert max(order.index(key) for key in ("ada", "bob", "eve")) <= 5
    assert len(order) == 23


@in_virtual_time
async def test_within_one_key_first_come_is_first_served():
    bulkhead, order = _bulkhead(1), []

    async def call(number):
        await _call(bulkhead, "ada", 0.01)
        order.append(number)

    await asyncio.gather(*(call(number) for number in range(20)))
    assert order == list(range(20))


@in_virtual_time
async def test_the_queue_is_bounded_and_one_key_fills_a_quarter_of_it_at_most():
    bulkhead = _bulkhead(1, max_queue=40)
    calls = [_start(bulkhead, "many", 0.001, 60.0) for _ in range(100)]
    await asyncio.sleep(0)
    assert bulkhead.waiting == 10
    calls += [_start(bulkhead, key, 0.001, 60.0) for key in range(100)]
    await asyncio.sleep(0)
    assert bulkhead.waiting == 40
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, Overloaded) for result in results) == 200 - 41
    assert (bulkhead.taken, bulkhead.waiting) == (0, 0)


@in_virtual_time
async def test_whoever_leaves_the_queue_leaves_nothing_behind():
    bulkhead = _bulkhead(1)
    slot = await bulkhead.acquire("holds", limit_s=8, operation="x")
    calls = [_start(bulkhead, key % 3, 0.001) for key in range(30)]
    await asyncio.sleep(0.1)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert (bulkhead.waiting, len(bulkhead._queues)) == (0, 0)
    slot.release()
    assert bulkhead.taken == 0


@in_virtual_time
async def test_a_slot_handed_to_somebody_who_is_cancelled_in_the_same_moment_is_not_lost():
    bulkhead = _bulkhead(1)
    slot = await bulkhead.acquire("holds", limit_s=8, operation="x")
    leaver, stayer = _start(bulkhead, "a", 0.01), _start(bulkhead, "b", 0.01)
    await asyncio.sleep(0.1)
    slot.release()  # the slot is the leaver's now, who has not run yet
    leaver.cancel()
    assert await stayer == pytest.approx(0.11)
    assert (leaver.cancelled(), bulkhead.taken) == (True, 0)


@in_virtual_time
async def test_releasing_twice_frees_one_slot():
    bulkhead = _bulkhead(2)
    slot = await bulkhead.acquire("a", limit_s=8, operation="x")
    await bulkhead.acquire("b", limit_s=8, operation="x")
    slot.release()
    slot.release()
    assert bulkhead.taken == 1


@in_virtual_time
async def test_an_opening_breaker_empties_the_queue():
    bulkhead, opening = _bulkhead(1), asyncio.get_running_loop().create_future()
    await bulkhead.acquire("holds", limit_s=8, operation="x")
    calls = [_start(bulkhead, key, 0.001, give_up=opening) for key in range(30)]
    asyncio.get_running_loop().call_later(0.6, opening.set_result, None)
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert {str(result) for result in results} == {"timeout exceeded 0.6s"}
    assert (_now(), bulkhead.waiting) == (pytest.approx(0.6), 0)
    with pytest.raises(QueryTimeoutError):
        await bulkhead.acquire("late", limit_s=8, operation="x", give_up=opening)


@in_virtual_time
async def test_no_time_left_takes_no_slot():
    bulkhead = _bulkhead(1)
    with pytest.raises(QueryTimeoutError):
        await bulkhead.acquire("a", limit_s=0, operation="x")
    assert bulkhead.taken == 0


def test_the_pace_follows_the_last_ten_calls_or_so():
    pace = Pace(5.0)
    for _ in range(30):
        pace = pace.after(0.01)
    assert pace.service_s < 0.3


def test_one_call_that_stood_for_an_hour_is_not_remembered_for_an_hour():
    assert Pace(0.01).after(3600.0).service_s <= 1.1


def test_a_fair_position_counts_turns_and_never_more_than_all_who_wait():
    assert fair_position(own_waiting=0, keys_waiting=0, all_waiting=0) == 0
    assert fair_position(own_waiting=0, keys_waiting=1, all_waiting=20) == 1
    assert fair_position(own_waiting=3, keys_waiting=1, all_waiting=3) == 3
    assert fair_position(own_waiting=2, keys_waiting=3, all_waiting=40) == 8
    assert fair_position(own_waiting=2, keys_waiting=3, all_waiting=5) == 5
