"""How fast what can wait is asked for after an outage: the neighbour that is back is not met by everybody at once."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from gatewayz_auth.reliability.breaker_machine import Phase

if TYPE_CHECKING:
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.facts import BreakerChanged

FACTOR = 1.1
"""So many times the rate of before the outage; with ``BURST_S`` it stays below 1.2 times in any second …"""

BURST_S = 0.05
"""What was not asked for is made up for as far as this many seconds of the rate go, or two questions."""

GROWS_EVERY_S = 10.0
"""… for so long; then it grows by ``FACTOR`` each time so much has passed, so that recovery ends under any load."""

LEAST_PER_S = 10.0
"""A rate that no database minds. Where nothing is known of before, it begins there and doubles each second."""

LOOKS_BACK_S = 10
"""The rate of before is that of the last whole seconds, so many at most."""

CALM_S = 2.0
"""So long after the last question that had to wait, everything is as it was."""

RELAPSE_S = 60.0
"""An outage so soon after a recovery is the same one: the greater of the two rates of before holds."""

_MOST_STEPS = 100.0


class RecoveryPace:
    """Knows the steady rate of questions and, from an outage until nobody has to wait any more, keeps to it.

    Questions that cannot wait count as well and are never held: what can wait gets what they leave. Cheap: a counter a
    second. ``heard`` belongs into ``CircuitBreaker.subscribe``.
    """

    __slots__ = (
        "_allowed",
        "_at_s",
        "_back_s",
        "_clock",
        "_counts",
        "_ended_s",
        "_held_s",
        "_is_recovering",
        "_steady_per_s",
    )

    def __init__(self, clock: Clock) -> None:
        """Begin without a past."""
        self._clock = clock
        self._counts: deque[list[int]] = deque(maxlen=LOOKS_BACK_S + 1)
        self._is_recovering = False
        self._steady_per_s: float | None = None
        self._allowed = 0.0
        self._at_s = self._held_s = self._back_s = clock.monotonic_s()
        self._ended_s = float("-inf")

    @property
    def is_recovering(self) -> bool:
        """Whether what can wait may have to."""
        return self._is_recovering

    def heard(self, change: BreakerChanged) -> None:
        """Hear that the breaker changed: when it opens, the rate of before is kept; a relapse does not lower it."""
        now_s = self._clock.monotonic_s()
        if change.after == Phase.OPEN:
            measured_per_s = self._measured_per_s(now_s)
            is_relapse = self._is_recovering or now_s - self._ended_s < RELAPSE_S
            known = [rate for rate in (measured_per_s, self._steady_per_s if is_relapse else None) if rate is not None]
            self._steady_per_s = max(known, default=None)
            self._is_recovering = True
        self._allowed, self._at_s, self._held_s, self._back_s = 0.0, now_s, now_s, now_s

    def may_ask(self, *, can_wait: bool) -> bool:
        """Count one question, and say whether it may be asked now; one that cannot wait always may."""
        now_s = self._clock.monotonic_s()
        if self._is_recovering:
            rate = self._per_s(now_s)
            most = max(2.0, rate * BURST_S)
            self._allowed = min(most, self._allowed + (now_s - self._at_s) * rate)
            self._at_s = now_s
            if can_wait and self._allowed < 1.0:
                self._held_s = now_s
                return False
            self._allowed = max(self._allowed - 1.0, -rate)
            if now_s - self._held_s >= CALM_S:
                self._is_recovering = False
                self._ended_s = now_s
        self._count(now_s)
        return True

    def _per_s(self, now_s: float) -> float:
        """What may be asked a second by now."""
        back_for_s = now_s - self._back_s
        if self._steady_per_s is None:
            return LEAST_PER_S * math.pow(2.0, min(back_for_s // 1.0, _MOST_STEPS))
        return max(LEAST_PER_S, self._steady_per_s) * math.pow(
            FACTOR, min(1.0 + back_for_s // GROWS_EVERY_S, _MOST_STEPS)
        )

    def _count(self, now_s: float) -> None:
        second = int(now_s)
        if self._counts and self._counts[-1][0] == second:
            self._counts[-1][1] += 1
        else:
            self._counts.append([second, 1])

    def _measured_per_s(self, now_s: float) -> float | None:
        """Questions a second lately; the last two seconds belong to the outage, unless there are no others."""
        second = int(now_s)
        recent = [(at, count) for at, count in self._counts if second - LOOKS_BACK_S <= at < second]
        before = [(at, count) for at, count in recent if at < second - 1] or recent
        if not before:
            return None
        return sum(count for _, count in before) / (before[-1][0] - before[0][0] + 1)
