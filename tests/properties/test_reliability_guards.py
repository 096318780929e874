"""Guards under any work and any caller: released in time, counted to the end, the slot back once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.virtual_loop import VirtualClock, run_virtual

from gatewayz_auth.domain.errors import QueryTimeoutError
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.query_timeout import guarded

SECONDS = st.integers(0, 400).map(lambda hundredths: hundredths / 100)


@dataclass(frozen=True)
class _Call:
    begins_s: float
    takes_s: float
    deaf_to: int
    """Cancellations that it ignores."""
    fails: bool
    limit_s: float
    leaves_s: float | None
    """When its caller is cancelled, after the beginning."""


CALLS = st.lists(
    st.builds(
        _Call,
        SECONDS,
        SECONDS,
        st.sampled_from([0, 1, 2, 1000]),
        st.booleans(),
        SECONDS,
        st.none() | SECONDS,
    ),
    max_size=12,
)


async def _work(call, ended):
    loop = asyncio.get_running_loop()
    until_s, ignored = loop.time() + call.takes_s, 0
    try:
        while (left_s := until_s - loop.time()) > 0:
            try:
                await asyncio.sleep(left_s)
            except asyncio.CancelledError:
                ignored += 1
                if ignored > call.deaf_to:
                    raise
        if call.fails:
            raise ConnectionResetError
        return "answer"
    finally:
        ended.append(loop.time())


async def _one(call, abandoned, record):
    loop = asyncio.get_running_loop()
    await asyncio.sleep(call.begins_s)
    ended, slots = [], []
    began_s = loop.time()
    caller = asyncio.ensure_future(
        guarded(
            lambda: _work(call, ended),
            limit_s=call.limit_s,
            operation="x",
            neighbour="postgres",
            clock=VirtualClock(),
            abandoned=abandoned,
            on_end=lambda: slots.append(loop.time()),
        )
    )
    if call.leaves_s is not None:
        loop.call_later(call.leaves_s, caller.cancel)
    (result,) = await asyncio.gather(caller, return_exceptions=True)
    record.append((call, result, loop.time() - began_s, ended, slots))


@settings(max_examples=150, deadline=None, print_blob=True)
@given(CALLS)
def test_nobody_waits_past_a_limit_and_no_slot_is_lost_or_given_back_early(calls):
    async def main():
        abandoned, record = Abandoned(), []
        await asyncio.gather(*(_one(call, abandoned, record) for call in calls))
        await asyncio.sleep(10)  # the deaf end as well
        assert abandoned.running("postgres") == 0
        assert len(abandoned.tasks) == 0
        return record

    for call, result, waited_s, ended, slots in run_virtual(main):
        assert waited_s <= min(call.limit_s, call.limit_s if call.leaves_s is None else call.leaves_s) + 1e-6
        assert len(slots) == 1
        if ended:
            assert slots[0] == pytest.approx(ended[0])
        left_early = call.leaves_s is not None and call.leaves_s <= min(call.takes_s, call.limit_s)
        if call.takes_s < call.limit_s and not left_early:
            assert (result == "answer") is not call.fails
        elif call.takes_s > call.limit_s and not left_early:
            assert isinstance(result, QueryTimeoutError)
