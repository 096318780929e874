"""How long things took, to within one percent whatever the size: what a load test is told in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PRECISION = 0.01
"""What is told differs from what was measured by this share at most."""

LEAST_S = 1e-5
"""What took less is told as this, in seconds."""

LONGEST_S = 3600.0
"""What took longer is told as this, which bounds how many slots there can be: some 1,000."""

_STEP = math.log1p(2 * PRECISION)


def slot_of(length_s: float) -> int:
    """The slot that ``length_s`` seconds fall into: each is two percent longer than the one before."""
    inside_s = min(length_s, LONGEST_S)
    return 0 if inside_s <= LEAST_S else math.ceil(math.log(inside_s / LEAST_S) / _STEP)


def length_s(slot: int) -> float:
    """The length in seconds that a slot stands for: its middle."""
    return LEAST_S if slot <= 0 else LEAST_S * math.exp((slot - 0.5) * _STEP)


def quantile_s(counts: Mapping[int, int], share: float) -> float | None:
    """The seconds that ``share`` (0 to 1) of all did not exceed (nearest rank); None where there were none."""
    total = sum(counts.values())
    if not total:
        return None
    rank, below = max(1, math.ceil(share * total)), 0
    for slot in sorted(counts):
        below += counts[slot]
        if below >= rank:
            return length_s(slot)
    return length_s(max(counts))  # not reached: the last slot ends the search


def added(many: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """All counts together."""
    whole: dict[int, int] = {}
    for counts in many:
        for slot, count in counts.items():
            whole[slot] = whole.get(slot, 0) + count
    return whole
