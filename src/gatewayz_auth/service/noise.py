"""Whether two times differ by more than noise: windows of each are drawn anew and anew, which tells how far luck goes.

A window is drawn as a whole, because what happens within one second happens together: sign-ins are not dice.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.fine_histogram import added

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Quantile = Callable[[Mapping[int, int], float], float | None]

FEW = 100
"""Sign-ins of either time below which nothing is said."""

FEW_WINDOWS = 8
"""Windows of either time below which nothing is said."""

FEW_FOR_P99 = 500
"""Sign-ins of either time below which nothing is said of the slowest hundredth."""

CERTAIN_Z = 2.58
"""Ninety-nine times of a hundred: four figures are looked at, once."""

REPEATED_Z = 3.9
"""Five in 100,000: for whoever looks again and again and stops at the first difference."""

WORSE_BY_TIMES = 1.3
WORSE_BY_S = 0.002
WORSE_BY_RATE = 0.005
"""What is certain and yet too small to matter changes nothing: 30 % and 2 ms of a wait, half a percent of failures."""

RESAMPLES = 200
_QUANTILES = (("p50", 0.5, FEW), ("p95", 0.95, FEW), ("p99", 0.99, FEW_FOR_P99))


@dataclass(frozen=True, slots=True)
class Window:
    """What came within a short time: how many, how many of them in vain, and counts of waits by slot."""

    asked: int
    failed: int
    counts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of both times; ``low`` to ``high`` holds the true difference (``failed``) or the true ratio (waits).

    Waits are in seconds, ``failed`` is a share of all, 0 to 1.
    """

    name: str
    before: float
    now: float
    low: float
    high: float
    is_worse: bool
    is_better: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """``verdict`` is ``worse``, ``better``, ``same`` or ``unknown``; ``why`` is the sentence that says it."""

    verdict: str
    why: str
    differences: tuple[Difference, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As reports keep it."""
        return asdict(self)


def compare(
    before: Sequence[Sequence[Window]],
    now: Sequence[Window],
    quantile: Quantile,
    dice: Callable[[], float],
    z: float = CERTAIN_Z,
) -> Comparison:
    """How ``now`` differs from ``before``: one run or several, whose own differences count as noise then.

    ``quantile`` reads the counts of a window's slots, ``dice`` answers 0 up to but without 1.
    """
    runs, mine = [_seen(run) for run in before], _seen(now)
    earlier = [window for run in runs for window in run]
    if few := _too_few(earlier, mine):
        return Comparison("unknown", few)
    drawn_before = [_drawn(_runs(runs, dice), dice) for _ in range(RESAMPLES)]
    drawn_now = [_drawn([mine], dice) for _ in range(RESAMPLES)]
    found = [_failures(earlier, mine, drawn_before, drawn_now, z)]
    least = min(_asked(earlier), _asked(mine))
    for name, share, wanted in _QUANTILES:
        if least >= wanted:
            figures = [_logs(windows, quantile, share) for windows in ([earlier], [mine], drawn_before, drawn_now)]
            found.append(_waits(name, figures, len(earlier), len(mine), z))
    return _judged(tuple(found))


def _seen(run: Sequence[Window]) -> list[Window]:
    return [window for window in run if window.asked]


def _asked(windows: Sequence[Window]) -> int:
    return sum(window.asked for window in windows)


def _too_few(before: Sequence[Window], now: Sequence[Window]) -> str:
    for word, windows in (("before", before), ("now", now)):
        if _asked(windows) < FEW or len(windows) < FEW_WINDOWS:
            return (
                f"too few to tell: {_asked(windows)} sign-ins in {len(windows)} stretches of time {word}, "
                f"{FEW} in {FEW_WINDOWS} are wanted"
            )
    return ""


def _runs(runs: list[list[Window]], dice: Callable[[], float]) -> list[list[Window]]:
    return [runs[int(dice() * len(runs))] for _ in runs]


def _drawn(runs: Sequence[Sequence[Window]], dice: Callable[[], float]) -> list[Window]:
    return [run[int(dice() * len(run))] for run in runs if run for _ in run]


def _rate(windows: Sequence[Window]) -> float:
    return sum(window.failed for window in windows) / max(1, _asked(windows))


def _logs(many: Sequence[Sequence[Window]], quantile: Quantile, share: float) -> list[float]:
    """The quantile of each drawing, as a logarithm: waits differ by times, not by seconds."""
    return [math.log(max(1e-6, quantile(added(window.counts for window in windows), share) or 0.0)) for windows in many]


def _spread(values: Sequence[float], windows: int) -> float:
    """The variance over drawings, and a little more where few windows were to draw from."""
    middle = sum(values) / len(values)
    found = sum((value - middle) ** 2 for value in values) / max(1, len(values) - 1)
    return found * windows / max(1, windows - 1)


def _failures(
    earlier: list[Window], mine: list[Window], drawn_before: list[list[Window]], drawn_now: list[list[Window]], z: float
) -> Difference:
    before, now = _rate(earlier), _rate(mine)
    spread = _spread([_rate(one) for one in drawn_before], len(earlier))
    spread += _spread([_rate(one) for one in drawn_now], len(mine))
    half = z * math.sqrt(spread)
    low, high = now - before - half, now - before + half
    return Difference(
        "failed", before, now, low, high,
        is_worse=low > 0 and now - before >= WORSE_BY_RATE,
        is_better=high < 0 and before - now >= WORSE_BY_RATE,
    )  # fmt: skip


def _waits(name: str, figures: list[list[float]], windows_before: int, windows_now: int, z: float) -> Difference:
    (log_before,), (log_now,), drawn_before, drawn_now = figures
    half = z * math.sqrt(_spread(drawn_before, windows_before) + _spread(drawn_now, windows_now))
    low, high = log_now - log_before - half, log_now - log_before + half
    before, now = math.exp(log_before), math.exp(log_now)
    return Difference(
        name, before, now, math.exp(low), math.exp(high),
        is_worse=low > 0 and now >= max(before * WORSE_BY_TIMES, before + WORSE_BY_S),
        is_better=high < 0 and before >= max(now * WORSE_BY_TIMES, now + WORSE_BY_S),
    )  # fmt: skip


def _judged(found: tuple[Difference, ...]) -> Comparison:
    worse = [one for one in found if one.is_worse]
    better = [one for one in found if one.is_better]
    for verdict, which in (("worse", worse), ("better", better)):
        if which:
            return Comparison(verdict, f"{verdict} beyond noise: {'; '.join(map(in_words, which))}", found)
    return Comparison("same", "no difference that is more than noise", found)


def in_words(one: Difference) -> str:
    """One figure of both times and the interval, for people."""
    if one.name == "failed":
        between = f"{one.low * 100:+.2f} to {one.high * 100:+.2f} points"
        return f"{one.now:.2%} failed, {one.before:.2%} before ({between})"
    between = f"{one.low:.2f} to {one.high:.2f} times"
    return f"{one.name.upper()} {one.now * 1e3:.1f} ms, {one.before * 1e3:.1f} ms before ({between})"
