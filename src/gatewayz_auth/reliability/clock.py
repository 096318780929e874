"""The only door to time: ``monotonic_s`` measures, ``utc_now_s`` stamps."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks, two names; tests turn their own."""

    def monotonic_s(self) -> float:
        """Seconds that only go forward; differences alone mean something."""
        ...

    def utc_now_s(self) -> float:
        """Seconds since 1970, UTC."""
        ...


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ("monotonic_s", "utc_now_s")

    def __init__(self) -> None:
        """Be the machine's functions, not calls of them: the hot route reads clocks nine times."""
        self.monotonic_s = time.monotonic
        self.utc_now_s = time.time
