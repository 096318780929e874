"""How much of the database work that nobody waits for may have: it is there for sign-ins first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.reliability.clock import Clock

T = TypeVar("T")

REST_SHARE = 1.0
"""Of the time that a piece of such work took, how long the database is left alone after it."""

LONGEST_REST_S = 2.0


class SpareTime:
    """One piece of work at a time, whoever brings it, and a rest before the next; half of the time at most.

    Two at once would take both processors of a small database server from a sign-in that comes just then.
    """

    def __init__(self, clock: Clock) -> None:
        """Have done nothing yet."""
        self._clock = clock
        self._turn = asyncio.Lock()
        self._rested_s = 0.0

    async def use(self, work: Callable[[], Awaitable[T]]) -> tuple[T, float]:
        """What ``work`` answers, and the seconds that it took; raises what it raises, after which nobody rests."""
        async with self._turn:
            await asyncio.sleep(max(0.0, self._rested_s - self._clock.monotonic_s()))
            began_s = self._clock.monotonic_s()
            answer = await work()
            ended_s = self._clock.monotonic_s()
            self._rested_s = ended_s + min((ended_s - began_s) * REST_SHARE, LONGEST_REST_S)
            return answer, ended_s - began_s
