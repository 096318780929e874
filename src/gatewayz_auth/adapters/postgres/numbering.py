"""Whether the database still counts its transactions from where it was heard to, and in the same history."""

from __future__ import annotations

import math
from typing import NamedTuple

STEADY_S = 2.0
"""A server that crashes loses the numbers of what it rolled back in its last moments: those of its log that were not
written yet, some 0.6 s by its own settings. One that counts from lower on than so long before was put back."""

LAG_S = 60.0
"""A replica that takes over may lack so much of what its primary answered; nobody promotes one that lags by more."""

TAKEN_OVER_WITHIN_S = 600.0
"""A replica takes over within this time; a server that begins another history after more was restored, to whenever."""


class History(NamedTuple):
    """Which server's, and which history of it; each part empty where the server does not tell."""

    system: str
    timeline: str


class _Heard(NamedTuple):
    at_s: float
    asked_at_s: float
    next_number: int


class Numbering:
    """What was heard of the numbers in the last seconds before the newest; small, and without a clock."""

    def __init__(self) -> None:
        """Have heard nothing."""
        self._heard: list[_Heard] = []
        self._history = History("", "")
        self._is_untold = False
        """Whether it does not tell, where it did before: a replica that has not taken over yet, say."""

    def heard(self, at_s: float, asked_at_s: float, next_number: int) -> None:
        """Hear that ``next_number`` was to be given next, asked for at ``at_s`` (monotonic), ``asked_at_s`` (UTC)."""
        if self._is_untold:
            return  # of which history is not known: what was heard of the one before is still the newest of it
        self._heard.append(_Heard(at_s, asked_at_s, next_number))
        while len(self._heard) > 1 and self._heard[1].at_s <= at_s - STEADY_S:
            del self._heard[0]

    def lost_since_s(self, at_s: float, next_number: int, history: History) -> float:
        """Since when (UTC) what was answered may be lost: infinite where nothing is, -infinite where all may be.

        Told at ``at_s`` (monotonic) by a server that began anew. Whatever was heard and is lost is heard no more.
        """
        before = self._history
        self._history = History(history.system or before.system, history.timeline or before.timeline)
        self._is_untold = self._history != history
        if not self._heard:
            return math.inf
        newest, steady = self._heard[-1], self._heard[0]
        is_lower = next_number < newest.next_number
        is_put_back = is_lower and (next_number < steady.next_number or steady.at_s > newest.at_s - STEADY_S)
        is_taken_over = _is_another(before.timeline, history.timeline)
        if (
            _is_another(before.system, history.system)
            or is_put_back
            or (is_taken_over and at_s > newest.at_s + TAKEN_OVER_WITHIN_S)
        ):
            self._heard.clear()
            return -math.inf
        if is_taken_over:
            self._heard.clear()
            return newest.asked_at_s - LAG_S
        if is_lower:
            self._heard = [one for one in self._heard if one.next_number <= next_number]
            return steady.asked_at_s
        return math.inf


def _is_another(before: str, now: str) -> bool:
    return "" not in (before, now) and before != now
