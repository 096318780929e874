"""The breaker's shell: permits come back on every way out, and our own trouble is not the neighbour's."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.domain.errors import (
    NeighbourUnavailable,
    Overloaded,
    QueryTimeoutError,
    SignupsClosed,
)
from gatewayz_auth.reliability.circuit_breaker import CACHE_LIMITS, BreakerLimits, CircuitBreaker, Phase
from gatewayz_auth.reliability.facts import BreakerChanged
from gatewayz_auth.reliability.query_timeout import timeout_exceeded


def _breaker(tell=lambda _fact: None, **limits):
    return CircuitBreaker("postgres", BreakerLimits(**limits), VirtualClock(), tell)


async def _call(breaker, takes_s=0.01, error=None):
    with breaker.permit():
        await asyncio.sleep(takes_s)
        if error is not None:
            raise error


async def _fails(breaker, times, error, takes_s=0.15):
    for _ in range(times):
        with contextlib.suppress(type(error)):
            await _call(breaker, takes_s, error)


@in_virtual_time
async def test_one_silent_call_opens_it_after_six_tenths_of_a_second_and_releases_who_waits():
    breaker = _breaker()
    call = asyncio.ensure_future(_call(breaker, 60))
    await breaker.opening()
    assert asyncio.get_running_loop().time() == pytest.approx(0.6)
    assert breaker.phase is Phase.OPEN
    with pytest.raises(NeighbourUnavailable, match="circuit breaker is open"):
        breaker.check()
    call.cancel()


@in_virtual_time
async def test_a_slow_call_does_not_open_it_while_others_are_answered():
    breaker = _breaker()
    slow = asyncio.ensure_future(_call(breaker, 20))
    for _ in range(100):
        await _call(breaker, 0.1)
    assert breaker.phase is Phase.CLOSED
    slow.cancel()


@in_virtual_time
@pytest.mark.parametrize("error", [ConnectionResetError(), NeighbourUnavailable("postgres", "refused")])
async def test_five_refusals_open_it(error):
    breaker = _breaker()
    await _fails(breaker, 5, error, 0.01)
    assert breaker.phase is Phase.OPEN


@in_virtual_time
async def test_five_timeouts_within_a_second_open_it():
    breaker = _breaker()
    await _fails(breaker, 5, timeout_exceeded(0.15, "x"))
    assert breaker.phase is Phase.OPEN


@in_virtual_time
@pytest.mark.parametrize("error", [Overloaded("full"), ValueError("a fault of ours"), timeout_exceeded(0.01, "x")])
async def test_our_own_saturation_faults_and_late_callers_are_not_the_neighbours_failure(error):
    breaker = _breaker()
    await _fails(breaker, 100, error, 0.01)
    assert (breaker.phase, breaker.permits_out) == (Phase.CLOSED, 0)


@in_virtual_time
async def test_a_loop_of_ours_that_has_much_to_do_is_not_the_neighbours_failure_while_it_answers_anybody():
    breaker = _breaker(strikes=3, fair_wait_s=0.03)
    breaker._clock.busy_share = 0.5
    for _ in range(100):
        await _fails(breaker, 2, timeout_exceeded(0.05, "x"), 0.05)
        breaker.permit().__exit__(None, None, None)
    assert breaker.state.generation == 0


@in_virtual_time
async def test_how_busy_we_are_is_that_of_the_wait_which_was_cut_and_not_of_an_older_call():
    breaker = _breaker()
    hanging = breaker.permit()  # on one row's lock, say
    for _ in range(20):
        await _call(breaker, 0.2)  # others are answered all the while
    for _ in range(3):
        breaker.permit()
    await asyncio.sleep(0.4)
    for _ in range(5):
        breaker.expired(0.35, 0.2, 0.35)
    assert breaker.phase is Phase.CLOSED
    hanging.__exit__(None, None, None)


@pytest.mark.parametrize("turn_s", [0.05, 0.1, 0.15])
@in_virtual_time
async def test_an_answer_for_which_our_own_loop_had_no_time_is_not_slow(turn_s):
    loop, breaker, is_busy = asyncio.get_running_loop(), _breaker(), True
    breaker._clock.busy_share = 1.0

    def work_ourselves():
        if is_busy:
            loop.block(turn_s)
            loop.call_soon(work_ourselves)

    work_ourselves()
    with breaker.permit():
        for _ in range(4):  # a driver wakes up several times for one answer
            await asyncio.sleep(0.00025)
    is_busy = False
    assert breaker.state.generation == 0


@in_virtual_time
async def test_a_neighbour_that_is_silent_opens_it_within_a_second_however_much_our_loop_has_to_do():
    breaker = _breaker(strikes=3, fair_wait_s=0.03)
    breaker._clock.busy_share = 0.9
    while breaker.phase is Phase.CLOSED:
        await _fails(breaker, 1, timeout_exceeded(0.05, "x"), 0.05)
    assert asyncio.get_running_loop().time() <= 1.0


@in_virtual_time
async def test_callers_who_leave_are_not_the_neighbours_failure_and_return_their_permits():
    breaker = _breaker()
    calls = [asyncio.ensure_future(_call(breaker, 60)) for _ in range(20)]
    await asyncio.sleep(0.1)
    assert breaker.permits_out == 20
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert (breaker.phase, breaker.permits_out) == (Phase.CLOSED, 0)
    await asyncio.sleep(5)
    assert breaker.phase is Phase.CLOSED


@in_virtual_time
async def test_a_refusal_that_the_neighbour_led_to_is_an_answer():
    breaker = _breaker()
    await _fails(breaker, 4, ConnectionResetError(), 0.01)
    await _fails(breaker, 1, SignupsClosed(), 0.01)
    await _fails(breaker, 4, ConnectionResetError(), 0.01)
    assert breaker.phase is Phase.CLOSED


@in_virtual_time
async def test_a_loop_of_ours_that_stood_still_is_not_the_neighbours_slowness():
    breaker = _breaker()
    call = asyncio.ensure_future(_call(breaker, 0.2))
    await asyncio.sleep(0.1)
    asyncio.get_running_loop().block(3)
    await call
    assert breaker.phase is Phase.CLOSED


@in_virtual_time
async def test_a_short_standstill_of_ours_is_not_the_slowness_of_a_cache_with_short_limits():
    breaker = _breaker(slow_call_s=0.045, slow_call_max_s=0.2, fair_wait_s=0.02)
    call = asyncio.ensure_future(_call(breaker, 0.05))  # its answer comes while the loop is busy
    await asyncio.sleep(0.01)
    asyncio.get_running_loop().block(0.15)
    await call
    assert breaker.state.generation == 0


@in_virtual_time
async def test_impatience_of_five_opens_it_while_their_call_goes_on():
    breaker = _breaker()
    call = asyncio.ensure_future(_call(breaker, 60))
    await asyncio.sleep(0.15)
    for count in range(5):
        assert breaker.phase is Phase.CLOSED, count
        breaker.expired(0.15, 0.15)
    assert breaker.phase is Phase.OPEN
    call.cancel()


@in_virtual_time
async def test_impatience_says_nothing_where_nothing_is_out_others_are_answered_or_our_loop_stood_still():
    breaker = _breaker()
    await asyncio.sleep(1)
    for _ in range(10):
        breaker.expired(0.15, 0.15)
    call = asyncio.ensure_future(_call(breaker, 0.5))
    await _call(breaker, 0.1)
    for _ in range(10):
        breaker.expired(0.15, 0.15)
        breaker.expired(2.0, 0.15)
    assert breaker.phase is Phase.CLOSED
    await call


@in_virtual_time
async def test_half_open_lets_few_through_and_none_for_ever():
    breaker = _breaker()
    stuck = asyncio.ensure_future(_call(breaker, 600))
    await breaker.opening()
    breaker.probe_good(0.001)
    assert breaker.phase is Phase.HALF_OPEN
    lost = asyncio.ensure_future(_call(breaker, 600))
    await asyncio.sleep(0.1)
    with pytest.raises(NeighbourUnavailable, match="half_open"):
        breaker.permit()
    await asyncio.sleep(0.6)
    assert breaker.phase is Phase.OPEN  # the probe was too slow
    for call in (stuck, lost):
        call.cancel()
    await asyncio.gather(stuck, lost, return_exceptions=True)
    breaker.probe_good(0.001)
    for _ in range(4):
        await _call(breaker)
    assert (breaker.phase, breaker.permits_out) == (Phase.CLOSED, 0)
    await asyncio.wait({breaker.opening()}, timeout=1)
    assert not breaker.opening().done()


@in_virtual_time
async def test_without_a_prober_callers_probe_after_a_while():
    breaker = _breaker(silence_s=0.5)
    await _fails(breaker, 5, ConnectionResetError(), 0.01)
    await asyncio.sleep(0.5)
    await _call(breaker)
    assert breaker.phase is Phase.HALF_OPEN


@in_virtual_time
async def test_a_cache_that_is_silent_for_three_calls_of_50_ms_is_not_asked_again_until_it_speaks():
    breaker = CircuitBreaker("redis", CACHE_LIMITS, VirtualClock())
    for _ in range(3):
        assert breaker.phase is Phase.CLOSED
        await _fails(breaker, 1, timeout_exceeded(0.05, "get"), 0.05)
        await asyncio.sleep(2)
    assert breaker.phase is Phase.OPEN or breaker.phase is Phase.HALF_OPEN
    assert breaker.state.generation >= 1


@in_virtual_time
async def test_every_change_is_told_with_its_reason():
    facts, heard = [], []
    breaker = _breaker(facts.append)
    breaker.subscribe(heard.append)
    await _fails(breaker, 5, ConnectionResetError(), 0.01)
    breaker.probe_good(0.001)
    for _ in range(4):
        await _call(breaker)
    assert (
        facts
        == heard
        == [
            BreakerChanged("postgres", "closed", "open", "failures"),
            BreakerChanged("postgres", "open", "half_open", "probe"),
            BreakerChanged("postgres", "half_open", "closed", "answers"),
        ]
    )


@in_virtual_time
async def test_a_permit_given_back_twice_counts_once():
    breaker = _breaker()
    await _fails(breaker, 5, ConnectionResetError(), 0.01)
    breaker.probe_good(0.001)
    permit = breaker.permit()
    permit.__exit__(None, None, None)
    permit.__exit__(None, None, None)
    assert (breaker.state.answers, breaker.state.running, breaker.permits_out) == (1, 0, 0)


@in_virtual_time
async def test_a_steadily_slow_neighbour_is_used_at_its_pace_once_a_probe_has_shown_it():
    breaker = _breaker()
    with pytest.raises(QueryTimeoutError):
        await _slow_call(breaker)
    breaker.probe_good(0.7)
    for _ in range(20):
        await _call(breaker, 0.7)
    assert breaker.phase is Phase.CLOSED


async def _slow_call(breaker):
    with breaker.permit():
        await breaker.opening()
        raise timeout_exceeded(0.6, "x")
