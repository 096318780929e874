"""One call to a neighbour with everything in its right order: queue, breaker, guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from gatewayz_auth.reliability.abandoned import Abandoned
    from gatewayz_auth.reliability.bulkhead import Bulkhead
    from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.deadline import Deadline

T = TypeVar("T")


class NeighbourCall:
    """Calls one neighbour through its bulkhead, its breaker and the guard.

    The breaker is asked first, so that nobody queues for a neighbour that is not asked at present. The permit is taken
    behind the queue, so that a wait of ours is not held against the neighbour. The slot goes back when the work has
    really ended, the permit when the caller is released.
    """

    __slots__ = ("_abandoned", "_breaker", "_bulkhead", "_clock")

    def __init__(self, bulkhead: Bulkhead, breaker: CircuitBreaker, clock: Clock, abandoned: Abandoned) -> None:
        """Compose the call of its parts."""
        self._bulkhead = bulkhead
        self._breaker = breaker
        self._clock = clock
        self._abandoned = abandoned

    async def __call__(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        key: Hashable,
        deadline: Deadline,
        own_limit_s: float,
        operation: str,
    ) -> T:
        """What ``work`` answers, in the queue and out of it within ``own_limit_s`` seconds and within ``deadline``.

        ``NeighbourUnavailable`` at once while the breaker is open, ``Overloaded`` at once where queueing would not lead
        to an answer in time, ``QueryTimeoutError`` at the limit or when the breaker opens. ``key`` takes its turn.
        """
        self._breaker.check()
        own = deadline.tightened(self._clock.monotonic_s(), own_limit_s)
        give_up = self._breaker.opening()
        slot = await self._bulkhead.acquire(
            key, limit_s=own.left_s(self._clock.monotonic_s()), operation=operation, give_up=give_up
        )
        try:
            permit = self._breaker.permit()
        except BaseException:
            slot.release()
            raise
        with permit:
            return await guarded(
                work,
                limit_s=own.left_s(self._clock.monotonic_s()),
                operation=operation,
                neighbour=self._breaker.neighbour,
                clock=self._clock,
                abandoned=self._abandoned,
                on_end=slot.release,
                give_up=give_up,
            )
