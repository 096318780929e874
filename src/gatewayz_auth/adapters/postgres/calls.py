"""How a call to Postgres is made: through queue, breaker and guard, or through the guard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from gatewayz_auth.adapters.postgres.failures import NEIGHBOUR
from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from gatewayz_auth.reliability.abandoned import Abandoned
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.deadline import Deadline

T = TypeVar("T")


class Call(Protocol):
    """``reliability.neighbour_call.NeighbourCall``, or less of it."""

    async def __call__(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        key: Hashable,
        deadline: Deadline,
        own_limit_s: float,
        operation: str,
    ) -> T:
        """What ``work`` answers within ``own_limit_s`` seconds and within ``deadline``, or ``NotKnown``."""
        ...


class GuardedCall:
    """The guard alone, for whoever has no queue and no breaker: commands, tests, benchmarks."""

    def __init__(self, clock: Clock, abandoned: Abandoned) -> None:
        """Keep the parts."""
        self._clock = clock
        self._abandoned = abandoned

    async def __call__(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        key: Hashable,  # noqa: ARG002 - there is no queue to take turns in
        deadline: Deadline,
        own_limit_s: float,
        operation: str,
    ) -> T:
        """What ``work`` answers within ``own_limit_s`` seconds and within ``deadline``, or ``NotKnown``."""
        return await guarded(
            work,
            limit_s=deadline.limit_s(self._clock.monotonic_s(), own_limit_s),
            operation=operation,
            neighbour=NEIGHBOUR,
            clock=self._clock,
            abandoned=self._abandoned,
        )
