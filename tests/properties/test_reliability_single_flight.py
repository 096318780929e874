"""Single flight under any crowd: own answers, own limits, one call at a time, nothing left behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.virtual_loop import VirtualClock, run_virtual

from gatewayz_auth.domain.errors import QueryTimeoutError
from gatewayz_auth.reliability.single_flight import SingleFlight

SECONDS = st.integers(0, 300).map(lambda hundredths: hundredths / 100)


@dataclass(frozen=True)
class _Joiner:
    key: str
    begins_s: float
    limit_s: float
    takes_s: float
    fails: bool
    leaves_s: float | None


JOINERS = st.lists(
    st.builds(_Joiner, st.sampled_from("abc"), SECONDS, SECONDS, SECONDS, st.booleans(), st.none() | SECONDS),
    max_size=30,
)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(JOINERS)
def test_everybody_has_their_own_answer_or_an_error_within_their_own_limit(joiners):
    flying, most = Counter(), Counter()

    async def work(joiner):
        flying[joiner.key] += 1
        most[joiner.key] = max(most[joiner.key], flying[joiner.key])
        try:
            await asyncio.sleep(joiner.takes_s)
            if joiner.fails:
                raise ConnectionResetError
            return joiner.key
        finally:
            flying[joiner.key] -= 1

    async def one(flights, joiner):
        loop = asyncio.get_running_loop()
        await asyncio.sleep(joiner.begins_s)
        began_s = loop.time()
        caller = asyncio.ensure_future(
            flights.join(joiner.key, lambda: work(joiner), limit_s=joiner.limit_s, operation="x")
        )
        if joiner.leaves_s is not None:
            loop.call_later(joiner.leaves_s, caller.cancel)
        (result,) = await asyncio.gather(caller, return_exceptions=True)
        waited_s = loop.time() - began_s
        assert waited_s <= joiner.limit_s + 1e-6
        if isinstance(result, asyncio.CancelledError):
            assert joiner.leaves_s is not None
        elif isinstance(result, str):
            assert result == joiner.key
        else:
            assert isinstance(result, QueryTimeoutError | ConnectionResetError)

    async def main():
        flights = SingleFlight("postgres", VirtualClock())
        await asyncio.gather(*(one(flights, joiner) for joiner in joiners))
        await asyncio.sleep(10)
        assert (len(flights), flights._flights) == (0, {})

    run_virtual(main)
    assert all(count <= 1 for count in most.values())
