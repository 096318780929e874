"""A caller is released at the limit, whatever the driver does."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.virtual_loop import VirtualClock, deaf, in_virtual_time

from gatewayz_auth.domain.errors import NeighbourUnavailable, Overloaded, QueryTimeoutError
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.facts import AbandonedCallEnded, CallAbandoned, CallEnded, CallOutcome
from gatewayz_auth.reliability.query_timeout import guarded


class _Guard:
    def __init__(self, **bounds):
        self.facts = []
        self.ends = 0
        self.abandoned = Abandoned(self.facts.append, **bounds)

    def _ended(self):
        self.ends += 1

    async def __call__(self, work, limit_s, **more):
        return await guarded(
            work,
            limit_s=limit_s,
            operation="Privy ID lookup",
            neighbour="postgres",
            clock=VirtualClock(),
            abandoned=self.abandoned,
            on_end=self._ended,
            **more,
        )

    def outcomes(self):
        return [fact.outcome for fact in self.facts if isinstance(fact, CallEnded)]


def _now():
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_an_answer_in_time_is_handed_through_and_the_slot_is_back():
    guard = _Guard()
    assert await guard(lambda: asyncio.sleep(4.9, "answer"), 5) == "answer"
    await asyncio.sleep(0)
    assert guard.ends == 1
    assert guard.outcomes() == [CallOutcome.OK]
    assert guard.abandoned.total("postgres") == 0


@in_virtual_time
async def test_a_driver_deaf_to_cancellation_holds_nobody_past_the_limit():
    guard = _Guard()
    with pytest.raises(QueryTimeoutError) as caught:
        await guard(lambda: deaf(60), 5)
    assert _now() == 5
    assert str(caught.value) == "timeout exceeded 5s"
    assert (caught.value.operation, caught.value.timeout_s) == ("Privy ID lookup", 5)


@in_virtual_time
async def test_what_was_walked_away_from_counts_and_keeps_its_slot_until_it_has_really_ended():
    guard = _Guard()
    with pytest.raises(QueryTimeoutError):
        await guard(lambda: deaf(60), 5)
    await asyncio.sleep(54)
    assert (guard.abandoned.running("postgres"), guard.ends) == (1, 0)
    await asyncio.sleep(1.1)
    assert (guard.abandoned.running("postgres"), guard.ends) == (0, 1)
    assert guard.abandoned.total("postgres") == 1
    assert [fact for fact in guard.facts if not isinstance(fact, CallEnded)] == [
        CallAbandoned("postgres", "Privy ID lookup", 1),
        AbandonedCallEnded("postgres", "Privy ID lookup", 55, 0),
    ]


@in_virtual_time
async def test_work_that_needs_two_cancels_gets_both_at_the_limit():
    async def psycopg_like():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(10)  # asks the server to cancel; only a second cancel ends this

    guard = _Guard()
    with pytest.raises(QueryTimeoutError):
        await guard(psycopg_like, 5)
    await asyncio.sleep(0.001)
    assert (guard.abandoned.running("postgres"), guard.ends) == (0, 1)


@in_virtual_time
async def test_a_limit_of_zero_or_less_starts_nothing_and_frees_the_slot():
    for limit_s in (0, -1, float("nan")):
        guard, started = _Guard(), []
        with pytest.raises(QueryTimeoutError):
            await guard(lambda started=started: started.append(1), limit_s)
        await asyncio.sleep(1)
        assert (started, guard.ends, _Guard().abandoned.total("postgres")) == ([], 1, 0)


@in_virtual_time
async def test_a_caller_who_is_cancelled_leaves_at_once_even_where_the_work_is_deaf():
    guard = _Guard()
    caller = asyncio.ensure_future(guard(lambda: deaf(60), 5))
    await asyncio.sleep(1)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert _now() == 1
    assert guard.abandoned.running("postgres") == 1
    assert guard.outcomes() == [CallOutcome.CALLER_LEFT]
    await asyncio.sleep(60)
    assert (guard.abandoned.running("postgres"), guard.ends) == (0, 1)


@in_virtual_time
async def test_a_caller_who_is_cancelled_in_the_moment_of_the_answer_is_told_of_like_any_other():
    guard = _Guard()

    async def works():
        await asyncio.sleep(1)
        asyncio.get_running_loop().call_soon(caller.cancel)

    caller = asyncio.ensure_future(guard(works, 5))
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert (guard.outcomes(), guard.abandoned.total("postgres"), guard.ends) == ([CallOutcome.CALLER_LEFT], 0, 1)


@in_virtual_time
async def test_a_cancelled_caller_ends_work_that_listens():
    guard, ended = _Guard(), []

    async def listens():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(_now())

    caller = asyncio.ensure_future(guard(listens, 5))
    await asyncio.sleep(1)
    caller.cancel()
    await asyncio.sleep(0.001)
    assert (ended, caller.cancelled(), guard.ends) == ([1], True, 1)


@in_virtual_time
async def test_an_error_of_the_work_is_handed_through_and_the_slot_is_back():
    async def breaks():
        raise ConnectionResetError("reset")

    guard = _Guard()
    with pytest.raises(ConnectionResetError):
        await guard(breaks, 5)
    await asyncio.sleep(0)
    assert (guard.ends, guard.outcomes()) == (1, [CallOutcome.FAILED])


@in_virtual_time
async def test_an_error_after_the_limit_is_nobodys_and_warns_nobody():
    async def breaks_late():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionResetError("late") from None

    guard = _Guard()
    with pytest.raises(QueryTimeoutError):
        await guard(breaks_late, 5)
    await asyncio.sleep(1)
    assert guard.ends == 1


@in_virtual_time
async def test_work_that_somebody_else_cancelled_is_not_known_and_cancels_no_caller():
    async def ends_itself():
        raise asyncio.CancelledError

    with pytest.raises(NeighbourUnavailable):
        await _Guard()(ends_itself, 5)


@in_virtual_time
async def test_an_opening_breaker_ends_the_wait_and_says_how_long_it_was():
    guard, opening = _Guard(), asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.62, opening.set_result, None)
    with pytest.raises(QueryTimeoutError, match=r"^timeout exceeded 0\.62s$"):
        await guard(lambda: deaf(60), 5, give_up=opening)
    assert _now() == pytest.approx(0.62)
    assert guard.outcomes() == [CallOutcome.GIVEN_UP]
    started = []
    with pytest.raises(QueryTimeoutError):
        await guard(lambda: started.append(1), 5, give_up=opening)
    assert (started, guard.ends) == ([], 1)


@in_virtual_time
async def test_so_many_calls_may_be_left_behind_and_then_no_further_one_starts():
    guard = _Guard(max_running=3)
    for _ in range(3):
        with pytest.raises(QueryTimeoutError):
            await guard(lambda: deaf(600), 1)
    before_s, started = _now(), []
    with pytest.raises(Overloaded):
        await guard(lambda: started.append(1), 1)
    assert (_now(), started, guard.ends) == (before_s, [], 1)
    await asyncio.sleep(600)
    assert await guard(lambda: asyncio.sleep(0, "again"), 1) == "again"


@in_virtual_time
async def test_an_answer_that_came_in_the_moment_of_the_limit_counts_as_an_answer():
    loop = asyncio.get_running_loop()

    async def works():
        await asyncio.sleep(1)
        loop.block(10)  # the timer of the limit is overdue, the answer is here
        return "answer"

    assert await _Guard()(works, 5) == "answer"


@in_virtual_time
async def test_closing_ends_what_listens_and_names_what_does_not():
    guard = _Guard()
    callers = [asyncio.ensure_future(guard(work, 5)) for work in (lambda: asyncio.sleep(60), lambda: deaf(60))]
    await asyncio.sleep(0.1)
    assert await guard.abandoned.close(2) == ("guarded:postgres:Privy ID lookup",)
    assert _now() == pytest.approx(2.1)
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [NeighbourUnavailable, QueryTimeoutError]
    with pytest.raises(Overloaded):
        await guard(lambda: asyncio.sleep(0), 5)
