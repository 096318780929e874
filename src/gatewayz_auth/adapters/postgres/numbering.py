"""Whether the database still counts its transactions from where it was heard to."""

from __future__ import annotations

import math
from typing import NamedTuple

STEADY_S = 2.0
"""A server that crashes loses the numbers of what it rolled back in its last moments: those of its log that were not
written yet, some 0.6 s by its own settings. One that counts from lower on than so long before was put back."""


class _Heard(NamedTuple):
    at_s: float
    asked_at_s: float
    next_number: int


class Numbering:
    """What was heard of the numbers in the last seconds before the newest; small, and without a clock."""

    def __init__(self) -> None:
        """Have heard nothing."""
        self._heard: list[_Heard] = []

    def heard(self, at_s: float, asked_at_s: float, next_number: int) -> None:
        """Hear that ``next_number`` was to be given next, asked for at ``at_s`` (monotonic), ``asked_at_s`` (UTC)."""
        self._heard.append(_Heard(at_s, asked_at_s, next_number))
        while len(self._heard) > 1 and self._heard[1].at_s <= at_s - STEADY_S:
            del self._heard[0]

    def lost_since_s(self, next_number: int) -> float:
        """Since when (UTC) what was answered may be lost: infinite where nothing is, -infinite where all may be.

        Whatever was heard and is lost is heard no more.
        """
        if not self._heard or next_number >= self._heard[-1].next_number:
            return math.inf
        newest_s, steady = self._heard[-1].at_s, self._heard[0]
        if next_number < steady.next_number or steady.at_s > newest_s - STEADY_S:
            self._heard.clear()
            return -math.inf
        self._heard = [one for one in self._heard if one.next_number <= next_number]
        return steady.asked_at_s
