"""How long things took, as counts in buckets: cheap to add up, to merge and to ask for a percentile."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BOUNDS_S: tuple[float, ...] = (
    *(0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.015, 0.02, 0.03, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 8.0),
)
"""Upper bounds of the buckets in seconds, bounds included: 1 ms to 8 s are told apart; one more bucket has no bound."""

BUCKETS = len(BOUNDS_S) + 1


def bucket_of(length_s: float) -> int:
    """The index of the bucket that ``length_s`` seconds fall into."""
    return bisect_left(BOUNDS_S, length_s)


@dataclass(frozen=True, slots=True)
class Histogram:
    """``counts`` by bucket, not added up, and the sum of all lengths in seconds."""

    counts: tuple[int, ...] = (0,) * BUCKETS
    sum_s: float = 0.0

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def plus(self, other: Histogram) -> Histogram:
        """Both together."""
        return Histogram(tuple(map(sum, zip(self.counts, other.counts, strict=True))), self.sum_s + other.sum_s)

    def since(self, earlier: Histogram) -> Histogram:
        """What was added after ``earlier``, which is the same histogram at another time; never below nothing."""
        counts = tuple(max(0, now - then) for now, then in zip(self.counts, earlier.counts, strict=True))
        return Histogram(counts, max(0.0, self.sum_s - earlier.sum_s))

    def quantile_s(self, share: float) -> float | None:
        """The length in seconds that ``share`` (0 to 1) of all did not exceed, estimated as Prometheus does.

        None where there were none; what is beyond the last bound counts as the last bound.
        """
        return quantile_s(self.counts, share)


def quantile_s(counts: Sequence[int], share: float) -> float | None:
    """``Histogram.quantile_s`` of bare ``counts`` by bucket."""
    total = sum(counts)
    if total == 0:
        return None
    rank, below = share * total, 0
    for index, count in enumerate(counts):
        if count and below + count >= rank:
            if index == len(BOUNDS_S):
                return BOUNDS_S[-1]
            low_s = BOUNDS_S[index - 1] if index else 0.0
            return low_s + (BOUNDS_S[index] - low_s) * max(0.0, rank - below) / count
        below += count
    return math.inf  # not reached: the last bucket ends the search


def all_of(histograms: Iterable[Histogram]) -> Histogram:
    """All of them together."""
    whole = Histogram()
    for histogram in histograms:
        whole = whole.plus(histogram)
    return whole
