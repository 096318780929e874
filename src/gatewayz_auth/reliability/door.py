"""Whether a neighbour is asked at all: decided before anything is made for the question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from gatewayz_auth.reliability.bulkhead import Bulkhead
    from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker


class Door:
    """A breaker and a queue as one gate: whoever would be refused behind it is refused at it, for next to nothing.

    Under five times the load that can be served four of five are refused: what each of them costs is taken from the
    fifth. ``limit_s`` is the time that a caller has who is in no special hurry.
    """

    __slots__ = ("_breaker", "_bulkhead", "limit_s")

    def __init__(self, breaker: CircuitBreaker, bulkhead: Bulkhead, limit_s: float) -> None:
        """Stand before both."""
        self._breaker = breaker
        self._bulkhead = bulkhead
        self.limit_s = limit_s

    def check(self) -> None:
        """``NeighbourUnavailable`` where the breaker lets nobody through, ``Overloaded`` where none may queue."""
        self._breaker.check()
        self._bulkhead.check(self.limit_s)

    def opening(self) -> asyncio.Future[Any]:
        """Done when the breaker is open."""
        return self._breaker.opening()

    def expired(self, waited_s: float, limit_s: float) -> None:
        """Tell the breaker of somebody whose patience of ``limit_s`` seconds ended after ``waited_s``."""
        self._breaker.expired(waited_s, limit_s)
