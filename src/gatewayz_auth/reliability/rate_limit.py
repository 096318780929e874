"""Limits by identity and address: a generic cell rate algorithm over a bounded table."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

MAX_KEYS = 50_000
"""Keys that are remembered; past it the one not seen for longest is forgotten (some 10 MB in all)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_second`` steadily, and up to ``burst`` (1 or more) at once after a rest."""

    per_second: float
    burst: int


class RateLimiter:
    """Admits each key at ``rate``; a microsecond or two a question, and never more than ``max_keys`` remembered.

    What is refused does not count against the key, so that whoever slows down is heard again.
    """

    __slots__ = ("_free_at_s", "_interval_s", "_max_keys", "_tolerance_s")

    def __init__(self, rate: Rate, *, max_keys: int = MAX_KEYS) -> None:
        """Remember nobody yet."""
        self._interval_s = 1.0 / rate.per_second
        self._tolerance_s = (rate.burst - 1) * self._interval_s
        self._max_keys = max_keys
        self._free_at_s: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """Keys that are remembered."""
        return len(self._free_at_s)

    def retry_in_s(self, key: Hashable, now_s: float, cost: float = 1.0) -> float:
        """0.0 where ``key`` is admitted (and it counts ``cost``), else the seconds until it will be.

        ``now_s`` is on the monotonic clock. A ``cost`` of 0 asks without counting.
        """
        table = self._free_at_s
        free_at_s = table.get(key, now_s)
        if free_at_s <= now_s:
            free_at_s = now_s
        elif (early_s := free_at_s - now_s - self._tolerance_s) > 0:
            table.move_to_end(key)  # seen, and not to be forgotten for those who come after
            return early_s
        if cost:
            table[key] = free_at_s + cost * self._interval_s
            table.move_to_end(key)
            if len(table) > self._max_keys:
                table.popitem(last=False)
        return 0.0
