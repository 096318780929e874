"""A staged rollout: who is in it, and whether it goes on; plain values and pure functions.

A person is in or out by a stable hash of their Privy id: whoever is in at 10 % still is at 50 %. Cohorts never change
what is true, only how it is fetched.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.histogram import BOUNDS_S, Histogram, bucket_of

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGES = (10, 50, 100)
SOAK_S = 1800.0

RUNNING, HALTED, FINISHED = "running", "halted", "finished"

FEW = 50
"""Answers of each cohort below which nothing is said of either."""

HALT_AT_Z = 3.9
"""Five in 100,000: it is looked at every second for hours, and a rollout that halts for nothing is believed no more."""

BETTER_AT_Z = 2.33
WORSE_BY_RATE = 0.005
WORSE_BY_TIMES = 1.3
WORSE_BY_S = 0.01
"""What is certain and yet too small to matter does not halt: half a percent of errors, 30 % and 10 ms of P99."""

_Z95 = 1.96
_WHOLE = float(1 << 64)


def position(privy_id: str) -> float:
    """Where a person stands, 0 to 100 (never 100 itself): the same in every process, on every host, for ever."""
    digest = hashlib.blake2b(privy_id.encode("utf-8", "surrogatepass"), digest_size=8, person=b"rollout").digest()
    return min(int.from_bytes(digest, "big") / _WHOLE * 100.0, 99.999999)


def is_in(privy_id: str, share: float) -> bool:
    """Whether the person is among the ``share`` percent."""
    return position(privy_id) < share


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where a rollout stands: ``stage`` is an index of ``stages`` (percent), -1 where nobody is in any more.

    ``since_s`` (UTC seconds) is when the stage began; ``why`` says what moved it last.
    """

    stages: tuple[int, ...] = STAGES
    stage: int = 0
    state: str = RUNNING
    since_s: float = 0.0
    soak_s: float = SOAK_S
    is_auto: bool = False
    why: str = ""

    @property
    def share(self) -> int:
        """Percent of people with the safety features."""
        return 100 if self.state == FINISHED else self.stages[self.stage] if self.stage >= 0 else 0

    @property
    def is_counting(self) -> bool:
        """Whether cohorts are told apart."""
        return self.state != FINISHED

    def soaked_in_s(self, now_s: float) -> float:
        """Seconds until the stage has soaked; 0 where it has."""
        return max(0.0, self.since_s + self.soak_s - now_s)

    def advanced(self, now_s: float, why: str) -> Rollout:
        """The next stage; after the last one it is finished."""
        if self.stage + 1 >= len(self.stages):
            return self.finished(now_s, why)
        return replace(self, stage=self.stage + 1, state=RUNNING, since_s=now_s, why=why)

    def halted(self, now_s: float, why: str) -> Rollout:
        """One stage back, and there it stays until somebody says otherwise."""
        return replace(self, stage=max(-1, self.stage - 1), state=HALTED, since_s=now_s, why=why)

    def finished(self, now_s: float, why: str) -> Rollout:
        """Everybody is in, and nobody is counted apart any more."""
        return replace(self, stage=len(self.stages) - 1, state=FINISHED, since_s=now_s, why=why)

    def as_json(self) -> dict[str, Any]:
        """As the row keeps it."""
        return {name: getattr(self, name) for name in self.__slots__} | {"stages": list(self.stages)}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Rollout:
        """What ``as_json`` wrote; what a newer program has written beside it is left out."""
        known = {name: value for name, value in plain.items() if name in cls.__slots__}
        return cls(**{**known, "stages": tuple(plain["stages"])})


@dataclass(frozen=True, slots=True)
class Cohort:
    """What came of one cohort's sign-ins; ``errors``: answers that we owed and did not give, ``timeouts`` of them."""

    requests: int = 0
    errors: int = 0
    timeouts: int = 0
    hits: int = 0
    took: Histogram = field(default_factory=Histogram)

    def since(self, earlier: Cohort) -> Cohort:
        """What came after ``earlier``; never below nothing."""
        return Cohort(
            max(0, self.requests - earlier.requests),
            max(0, self.errors - earlier.errors),
            max(0, self.timeouts - earlier.timeouts),
            max(0, self.hits - earlier.hits),
            self.took.since(earlier.took),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the new cohort is worse or better beyond noise, and the sentence that says why."""

    is_worse: bool
    is_better: bool
    why: str


def interval(count: int, of: int) -> tuple[float, float]:
    """Between which shares the true one lies, 19 times of 20 (Wilson); 0 to 1 where nothing was seen."""
    if of <= 0:
        return 0.0, 1.0
    z2 = _Z95 * _Z95
    share = count / of
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def quantile_interval_s(took: Histogram, share: float) -> tuple[float, float] | None:
    """Between which lengths the true quantile lies, 19 times of 20, by ranks; None where nothing was seen."""
    n = took.count
    if n == 0:
        return None
    half = _Z95 * math.sqrt(share * (1 - share) / n)
    low, high = took.quantile_s(max(0.0, share - half)), took.quantile_s(min(1.0, share + half))
    return (low or 0.0), (high or 0.0)


def z_of(count: int, of: int, than: int, than_of: int) -> float:
    """By how many standard errors ``count / of`` exceeds ``than / than_of`` (two proportions, pooled)."""
    if not of or not than_of:
        return 0.0
    pooled = (count + than) / (of + than_of)
    error = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / than_of))
    difference = count / of - than / than_of
    correction = (1 / of + 1 / than_of) / 2  # continuity: few are not taken for many
    size = max(0.0, abs(difference) - correction)
    return math.copysign(size / error, difference) if error else 0.0


def _above(took: Histogram, bound: int) -> int:
    return sum(took.counts[bound + 1 :])


def verdict(old: Cohort, new: Cohort) -> Verdict:
    """Compare by errors (two proportions) and by P99 (how many are slower than the other's P99, a rank test)."""
    if new.requests < FEW or old.requests < FEW:
        return Verdict(is_worse=False, is_better=False, why=_too_few(old, new))
    z_errors = z_of(new.errors, new.requests, old.errors, old.requests)
    rate, than = new.errors / new.requests, old.errors / old.requests
    if z_errors >= HALT_AT_Z and rate - than >= WORSE_BY_RATE:
        why = f"errors are {rate:.1%} of {new.requests} in the new cohort and {than:.1%} of {old.requests} in the old"
        return Verdict(is_worse=True, is_better=False, why=why)
    p99_s, than_s = new.took.quantile_s(0.99) or 0.0, old.took.quantile_s(0.99) or 0.0
    bound = min(bucket_of(than_s), len(BOUNDS_S) - 1)
    slower = z_of(_above(new.took, bound), new.took.count, _above(old.took, bound), old.took.count)
    if slower >= HALT_AT_Z and p99_s >= max(than_s * WORSE_BY_TIMES, than_s + WORSE_BY_S):
        why = f"P99 is {p99_s * 1e3:.0f} ms in the new cohort and {than_s * 1e3:.0f} ms in the old"
        return Verdict(is_worse=True, is_better=False, why=why)
    z_hits = z_of(new.hits, new.requests, old.hits, old.requests)
    gains = [name for name, z in (("fewer errors", -z_errors), ("a better hit rate", z_hits)) if z >= BETTER_AT_Z]
    if gains:
        return Verdict(
            is_worse=False, is_better=True, why=f"the new cohort has {' and '.join(gains)}, and is not slower"
        )
    return Verdict(is_worse=False, is_better=False, why="the cohorts do not differ beyond noise")


def _too_few(old: Cohort, new: Cohort) -> str:
    return (
        f"too few to tell: {new.requests} sign-ins in the new cohort, {old.requests} in the old, {FEW} wanted of each"
    )


def next_step(rollout: Rollout, old: Cohort, new: Cohort, now_s: float) -> Rollout | None:
    """Where the rollout goes by itself at ``now_s`` (UTC seconds); None: it stays."""
    if rollout.state != RUNNING:
        return None
    judged = verdict(old, new)
    if judged.is_worse:
        return rollout.halted(now_s, f"halted by itself: {judged.why}")
    if rollout.is_auto and judged.is_better and rollout.soaked_in_s(now_s) <= 0:
        return rollout.advanced(now_s, f"advanced by itself: {judged.why}")
    return None
