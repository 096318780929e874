"""The time since a deployment beside the time before it: figures of both, and whether it is worse beyond noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.histogram import BUCKETS, quantile_s
from gatewayz_auth.service.history import Frame, merged
from gatewayz_auth.service.noise import Window, compare
from gatewayz_auth.service.rollout import interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gatewayz_auth.service.noise import Comparison

MOST_WINDOWS = 120
"""So many windows of each time at most: each is drawn as a whole when noise is looked for.

They begin with a second and are joined by twos when there would be more, so that little is needed to begin with.
"""


class Stretch:
    """A stretch of time, gathered from frames as they are seen; each is counted once.

    It begins after ``from_s`` and ends with ``until_s`` (UTC seconds). What is kept does not grow with its length.
    """

    def __init__(self, from_s: float, until_s: float) -> None:
        """Have seen nothing yet."""
        self.from_s, self.until_s = from_s, until_s
        self._window_s = 1.0
        self._windows: dict[int, Frame] = {}
        self.seen_s = from_s

    def add(self, frames: Iterable[Frame]) -> None:
        """Take those of ``frames`` (oldest first) that lie within and were not seen before."""
        for frame in frames:
            if not self.seen_s < frame.at_s <= self.until_s or frame.at_s - frame.span_s < self.seen_s - 1.0:
                continue
            self._put(int((frame.at_s - self.from_s) / self._window_s), frame)
            self.seen_s = frame.at_s

    def _put(self, number: int, frame: Frame) -> None:
        before = self._windows.get(number)
        self._windows[number] = frame if before is None else merged([before, frame])
        if len(self._windows) > MOST_WINDOWS:
            self._window_s *= 2
            finer, self._windows = self._windows, {}
            for old, one in finer.items():
                self._put(old // 2, one)

    def windows(self) -> list[Window]:
        """For comparing: what we did not answer for reasons of our own counts as failed."""
        return [
            Window(frame.sign_ins, frame.answered.get("unknown", 0), frame.durations)
            for frame in self._windows.values()
        ]

    def as_json(self) -> dict[str, Any]:
        """Its figures; the share of errors with the interval that the true one lies in, 19 times of 20."""
        frames = list(self._windows.values())
        whole = merged(frames) if frames else Frame(int(self.from_s), span_s=0)
        seen_s, count = whole.span_s, whole.sign_ins
        errors = whole.answered.get("unknown", 0)
        waits = {name: whole.quantile_s(share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
        return {
            "seconds": seen_s,
            "sign_ins": count,
            "per_s": round(count / seen_s, 3) if seen_s else 0.0,
            **{f"{name}_ms": None if wait is None else round(wait * 1e3, 3) for name, wait in waits.items()},
            "slowest_ms": round(whole.slowest_s * 1e3, 3),
            "errors": errors,
            "error_rate": errors / count if count else None,
            "error_rate_between": list(interval(errors, count)),
            "limited": whole.answered.get("limited", 0),
            "timeouts": whole.timeouts,
            "hit_rate": whole.hit_rate,
        }


def judged(before: Stretch, after: Stretch, dice: Callable[[], float], z: float) -> Comparison:
    """Whether ``after`` differs from ``before``; ``z`` says how certain that has to be (``noise``)."""
    return compare([before.windows()], after.windows(), _quantile, dice, z)


def _quantile(counts: Mapping[int, int], share: float) -> float | None:
    return quantile_s([counts.get(index, 0) for index in range(BUCKETS)], share)
