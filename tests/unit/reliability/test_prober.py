"""A prober asks so that no caller has to, and lets callers in only when there is something to use."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from tests.support.virtual_loop import VirtualClock, deaf, in_virtual_time

from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.circuit_breaker import BreakerLimits, CircuitBreaker, Phase
from gatewayz_auth.reliability.prober import Prober


class _Neighbour:
    def __init__(self, *, probe_takes_s=0.01, renewal_takes_s=0.1):
        self.is_frozen = False
        self.probe_takes_s = probe_takes_s
        self.renewal_takes_s = renewal_takes_s
        self.renewal_error = None
        self.asked = []
        self.renewed = []
        clock = VirtualClock()
        self.abandoned = Abandoned()
        self.breaker = CircuitBreaker("postgres", BreakerLimits(), clock)
        self.question_takes_s = 0.01
        self.prober = Prober(
            self.breaker,
            self.probe,
            clock=clock,
            abandoned=self.abandoned,
            on_good_probe=self.renew,
            question=self.question,
        )
        self.task = asyncio.ensure_future(self.prober.run())

    async def probe(self):
        self.asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(60 if self.is_frozen else self.probe_takes_s)

    async def question(self):
        assert self.renewed, "asked before there was anything to ask over"
        await asyncio.sleep(60 if self.is_frozen else self.question_takes_s)

    async def renew(self):
        self.renewed.append(self.breaker.phase)
        await asyncio.sleep(self.renewal_takes_s)
        if self.renewal_error is not None:
            raise self.renewal_error

    async def call(self):
        with contextlib.suppress(ConnectionResetError), self.breaker.permit():
            await asyncio.sleep(0.01)
            if self.is_frozen:
                raise ConnectionResetError

    async def open(self):
        self.is_frozen = True
        for _ in range(5):
            await self.call()
        assert self.breaker.phase is Phase.OPEN

    async def until_not_open(self):
        changed = asyncio.Event()
        self.breaker.subscribe(lambda fact: fact.before == Phase.OPEN and changed.set())
        await changed.wait()

    async def end(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@in_virtual_time
async def test_nothing_is_asked_while_the_breaker_is_closed():
    neighbour = _Neighbour()
    await asyncio.sleep(60)
    assert neighbour.asked == []
    await neighbour.end()


@in_virtual_time
async def test_a_frozen_neighbour_is_asked_steadily_and_the_breaker_stays_open():
    neighbour = _Neighbour()
    await neighbour.open()
    await asyncio.sleep(60)
    assert 50 <= len(neighbour.asked) <= 60  # a second's wait and a tenth's pause each
    assert neighbour.breaker.phase is Phase.OPEN
    assert neighbour.renewed == []
    await neighbour.end()


@in_virtual_time
async def test_after_the_thaw_connections_are_made_first_and_callers_come_in_after():
    neighbour = _Neighbour(renewal_takes_s=0.5)
    await neighbour.open()
    await asyncio.sleep(30.3)
    neighbour.is_frozen = False
    thawed_s = asyncio.get_running_loop().time()
    await neighbour.until_not_open()
    assert asyncio.get_running_loop().time() - thawed_s <= 2.0
    assert neighbour.renewed == [Phase.OPEN]
    for _ in range(4):
        await neighbour.call()
    assert neighbour.breaker.phase is Phase.CLOSED
    asked = len(neighbour.asked)
    await asyncio.sleep(10)
    assert len(neighbour.asked) == asked
    await neighbour.end()


@in_virtual_time
@pytest.mark.parametrize("question_takes_s", [0.01, 0.4])
async def test_the_pace_is_that_of_a_question_on_a_connection_that_stands(question_takes_s):
    neighbour = _Neighbour(probe_takes_s=0.9, renewal_takes_s=2.0)
    neighbour.question_takes_s = question_takes_s
    await neighbour.open()
    neighbour.is_frozen = False
    await neighbour.until_not_open()
    assert neighbour.breaker.state.pace_s == pytest.approx(question_takes_s)
    await neighbour.end()


@in_virtual_time
async def test_a_question_that_is_not_answered_keeps_it_open_though_the_probe_was_good():
    neighbour = _Neighbour()
    neighbour.question_takes_s = 60
    await neighbour.open()
    neighbour.is_frozen = False
    await asyncio.sleep(10)
    assert neighbour.breaker.phase is Phase.OPEN
    assert len(neighbour.renewed) > 3
    await neighbour.end()


@in_virtual_time
async def test_connections_that_cannot_be_made_keep_it_open_and_the_next_probe_follows():
    neighbour = _Neighbour()
    await neighbour.open()
    neighbour.is_frozen, neighbour.renewal_error = False, ValueError("a driver's own")
    await asyncio.sleep(10)
    assert neighbour.breaker.phase is Phase.OPEN
    assert len(neighbour.renewed) > 10
    neighbour.renewal_error = None
    await asyncio.sleep(2)
    assert neighbour.breaker.phase is not Phase.OPEN
    await neighbour.end()


@in_virtual_time
async def test_it_comes_back_when_half_open_ends_open_at_once():
    neighbour = _Neighbour()
    await neighbour.open()
    neighbour.is_frozen = False
    await neighbour.until_not_open()
    neighbour.is_frozen = True
    await neighbour.call()
    assert neighbour.breaker.phase is Phase.OPEN
    asked = len(neighbour.asked)
    await asyncio.sleep(2)
    assert len(neighbour.asked) > asked
    await neighbour.end()


@in_virtual_time
async def test_probes_that_are_deaf_to_cancellation_are_counted_and_capped():
    neighbour = _Neighbour()
    neighbour.prober._probe = lambda: deaf(600)
    await neighbour.open()
    await asyncio.sleep(300)
    assert neighbour.abandoned.running("postgres") == 64
    assert neighbour.breaker.phase is Phase.OPEN
    await neighbour.end()


@in_virtual_time
async def test_answers_close_it_within_two_seconds_of_the_thaw_though_no_caller_comes():
    neighbour = _Neighbour()
    await neighbour.open()
    await asyncio.sleep(30.3)
    neighbour.is_frozen = False
    thawed_s = asyncio.get_running_loop().time()
    closed = asyncio.Event()
    neighbour.breaker.subscribe(lambda fact: fact.after == Phase.CLOSED and closed.set())
    await closed.wait()
    assert asyncio.get_running_loop().time() - thawed_s <= 2.5
    assert neighbour.breaker.state.reason == "answers"
    await neighbour.end()


@in_virtual_time
async def test_a_neighbour_that_falls_silent_again_is_found_out_by_the_question_and_not_let_off():
    neighbour = _Neighbour()
    await neighbour.open()
    neighbour.is_frozen = False
    await neighbour.until_not_open()
    neighbour.is_frozen = True
    await asyncio.sleep(1)
    assert neighbour.breaker.phase is Phase.OPEN
    assert neighbour.breaker.state.reason == "slow"
    await neighbour.end()


@in_virtual_time
async def test_a_caller_of_the_half_open_phase_is_not_answered_for():
    neighbour = _Neighbour()
    await neighbour.open()
    neighbour.is_frozen = False
    await neighbour.until_not_open()
    await neighbour.call()
    with contextlib.suppress(ConnectionResetError), neighbour.breaker.permit():
        await asyncio.sleep(0.5)
        assert neighbour.breaker.phase is Phase.HALF_OPEN  # two may ask now, and the prober is none of them
        assert neighbour.breaker.state.answers == 1
        raise ConnectionResetError
    assert neighbour.breaker.phase is Phase.OPEN
    await neighbour.end()
