"""How long to wait before the next try, spread out so that those who failed together do not come back together."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Decorrelated jitter: between ``base_s`` and three times the last delay, never above ``cap_s`` seconds."""

    base_s: float = 0.1
    cap_s: float = 5.0

    def next_s(self, last_s: float, fraction: float) -> float:
        """The delay after one of ``last_s`` (0: none yet); ``fraction`` (0 up to 1) is the randomness."""
        top_s = max(self.base_s, 3.0 * last_s)
        return min(self.cap_s, self.base_s + fraction * (top_s - self.base_s))


def retry_after_s(least_s: float, fraction: float, spread: float = 1.0) -> int:
    """Whole seconds, 1 or more, for ``Retry-After``: at least ``least_s``, up to ``spread`` times that more by jitter.

    ``fraction`` (0 up to 1) is the randomness. Those who were refused together thus come back one after another.
    """
    least = max(1, math.ceil(least_s))
    return least + int(fraction * (int(spread * least) + 1))
