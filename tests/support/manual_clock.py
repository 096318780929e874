"""A clock that stands still until a test turns it."""

from __future__ import annotations


class ManualClock:
    """Both clocks of ``reliability.clock.Clock``; ``advance`` turns them together."""

    def __init__(self, monotonic_s: float = 1000.0, utc_s: float = 1_700_000_000.0) -> None:
        self._monotonic_s = monotonic_s
        self._utc_s = utc_s
        self.cpu_s = 0.0

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def utc_now_s(self) -> float:
        return self._utc_s

    def thread_busy_s(self) -> float:
        return self.cpu_s

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass on both."""
        self._monotonic_s += seconds
        self._utc_s += seconds

    def step_utc(self, seconds: float) -> None:
        """Set the wall clock alone, forward or back, as a time server does."""
        self._utc_s += seconds
