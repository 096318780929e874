"""Whether a neighbour is asked at all: decided before anything is made for the question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.errors import Overloaded

if TYPE_CHECKING:
    import asyncio

    from gatewayz_auth.reliability.bulkhead import Bulkhead
    from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker
    from gatewayz_auth.reliability.recovery_pace import RecoveryPace


class Door:
    """A breaker, a queue and the pace after an outage as one gate: who would be refused behind it is refused at it.

    That costs next to nothing, where under five times the load that can be served four of five are refused: what each
    of them costs is taken from the fifth. ``limit_s`` is the time that a caller has who is in no special hurry.
    """

    __slots__ = ("_breaker", "_bulkhead", "_pace", "limit_s")

    def __init__(self, breaker: CircuitBreaker, bulkhead: Bulkhead, pace: RecoveryPace, limit_s: float) -> None:
        """Stand before all of them; the pace hears of the breaker's changes from now on."""
        self._breaker = breaker
        self._bulkhead = bulkhead
        self._pace = pace
        breaker.subscribe(pace.heard)
        self.limit_s = limit_s

    def check(self, *, can_wait: bool = False) -> None:
        """``NeighbourUnavailable`` where the breaker lets nobody through, ``Overloaded`` where none may queue.

        Or where a question that ``can_wait`` has to, so that the neighbour's return is not answered by a herd.
        """
        self._breaker.check()
        self._bulkhead.check(self.limit_s)
        if not self._pace.may_ask(can_wait=can_wait):
            raise Overloaded("the neighbour is just back: what can wait is asked for at the rate of before")

    def opening(self) -> asyncio.Future[Any]:
        """Done when the breaker is open."""
        return self._breaker.opening()

    def expired(self, waited_s: float, limit_s: float, worked_s: float) -> None:
        """Tell the breaker of somebody whose patience of ``limit_s`` seconds ended after ``waited_s``."""
        self._breaker.expired(waited_s, limit_s, worked_s)
