"""The bulkhead under any crowd: never more than its slots, none lost, nobody waiting past their time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.virtual_loop import VirtualClock, run_virtual

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.bulkhead import Bulkhead

SECONDS = st.integers(0, 300).map(lambda hundredths: hundredths / 100)


@dataclass(frozen=True)
class _Caller:
    key: str
    begins_s: float
    limit_s: float
    holds_s: float
    leaves_s: float | None


CALLERS = st.lists(
    st.builds(_Caller, st.sampled_from("abcd"), SECONDS, SECONDS, SECONDS, st.none() | SECONDS), max_size=40
)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(CALLERS, st.integers(1, 5), st.none() | SECONDS)
def test_slots_are_never_exceeded_never_lost_and_nobody_waits_past_their_time(callers, slots, opens_s):
    async def one(bulkhead, caller, opening):
        loop = asyncio.get_running_loop()
        await asyncio.sleep(caller.begins_s)
        began_s = loop.time()
        asking = asyncio.ensure_future(
            bulkhead.acquire(caller.key, limit_s=caller.limit_s, operation="x", give_up=opening)
        )
        if caller.leaves_s is not None:
            loop.call_later(caller.leaves_s, asking.cancel)
        (result,) = await asyncio.gather(asking, return_exceptions=True)
        assert loop.time() - began_s <= caller.limit_s + 1e-6
        assert bulkhead.taken <= slots
        if isinstance(result, asyncio.CancelledError | NotKnown):
            return
        await asyncio.sleep(caller.holds_s)
        result.release()

    async def main():
        bulkhead = Bulkhead("postgres", slots, VirtualClock(), max_queue=20)
        opening = asyncio.get_running_loop().create_future()
        if opens_s is not None:
            asyncio.get_running_loop().call_later(opens_s, opening.set_result, None)
        await asyncio.gather(*(one(bulkhead, caller, opening) for caller in callers))
        assert (bulkhead.taken, bulkhead.waiting, dict(bulkhead._queues)) == (0, 0, {})

    run_virtual(main)
