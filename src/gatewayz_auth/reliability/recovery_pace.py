"""How fast what can wait is asked for after an outage: the neighbour that is back is not met by everybody at once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gatewayz_auth.reliability.breaker_machine import Phase

if TYPE_CHECKING:
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.facts import BreakerChanged

FACTOR = 1.1
"""So many times the rate of before the outage; with ``BURST_S`` it stays below 1.2 times in any second."""

BURST_S = 0.05
"""What was not asked for is made up for as far as this many seconds of the rate go."""

LEAST_PER_S = 10.0
"""A rate that no database minds; where there was hardly any traffic before, this is allowed."""

LOOKS_BACK_S = 10
"""The rate of before is that of the last whole seconds, so many at most."""

CALM_S = 2.0
"""So long after the last question that had to wait, everything is as it was."""


class RecoveryPace:
    """Knows the steady rate of questions and, from an outage until nobody has to wait any more, keeps to it.

    Questions that cannot wait count as well and are never held: what can wait gets what they leave. Cheap: a counter a
    second. ``heard`` belongs into ``CircuitBreaker.subscribe``.
    """

    __slots__ = ("_allowed", "_at_s", "_clock", "_counts", "_held_s", "_is_recovering", "_per_s")

    def __init__(self, clock: Clock) -> None:
        """Begin without a past."""
        self._clock = clock
        self._counts: deque[list[int]] = deque(maxlen=LOOKS_BACK_S + 1)
        self._is_recovering = False
        self._per_s = LEAST_PER_S
        self._allowed = 0.0
        self._at_s = self._held_s = clock.monotonic_s()

    @property
    def is_recovering(self) -> bool:
        """Whether what can wait may have to."""
        return self._is_recovering

    def heard(self, change: BreakerChanged) -> None:
        """Hear that the breaker changed: when it opens, the rate of before is kept; a relapse does not change it."""
        now_s = self._clock.monotonic_s()
        if change.after == Phase.OPEN and not self._is_recovering:
            self._per_s = FACTOR * max(LEAST_PER_S, self._steady_per_s(now_s))
            self._is_recovering = True
        self._allowed, self._at_s, self._held_s = 0.0, now_s, now_s

    def may_ask(self, *, can_wait: bool) -> bool:
        """Count one question, and say whether it may be asked now; one that cannot wait always may."""
        now_s = self._clock.monotonic_s()
        if not self._is_recovering:
            self._count(now_s)
            return True
        rate = self._per_s
        most = max(1.0, rate * BURST_S)
        self._allowed = min(most, self._allowed + (now_s - self._at_s) * rate)
        self._at_s = now_s
        if can_wait and self._allowed < 1.0:
            self._held_s = now_s
            return False
        self._allowed = max(self._allowed - 1.0, -rate)
        if now_s - self._held_s >= CALM_S:
            self._is_recovering = False
            self._counts.clear()
        return True

    def _count(self, now_s: float) -> None:
        second = int(now_s)
        if self._counts and self._counts[-1][0] == second:
            self._counts[-1][1] += 1
        else:
            self._counts.append([second, 1])

    def _steady_per_s(self, now_s: float) -> float:
        """Questions a second lately; the last two seconds belong to the outage, unless there are no others."""
        second = int(now_s)
        recent = [(at, count) for at, count in self._counts if second - LOOKS_BACK_S <= at < second]
        before = [(at, count) for at, count in recent if at < second - 1] or recent
        if not before:
            return 0.0
        return sum(count for _, count in before) / (before[-1][0] - before[0][0] + 1)


__all__ = ["RecoveryPace"]
