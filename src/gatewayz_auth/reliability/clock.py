"""The only door to time: ``monotonic_s`` measures, ``utc_now_s`` stamps, ``thread_cpu_s`` tells who was busy."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Each clock has its name; tests turn their own."""

    def monotonic_s(self) -> float:
        """Seconds that only go forward; differences alone mean something."""
        ...

    def utc_now_s(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    def thread_cpu_s(self) -> float:
        """Seconds that this thread has worked for; differences alone mean something."""
        ...


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ("monotonic_s", "thread_cpu_s", "utc_now_s")

    def __init__(self) -> None:
        """Be the machine's functions, not calls of them: the hot route reads clocks nine times."""
        self.monotonic_s = time.monotonic
        self.utc_now_s = time.time
        self.thread_cpu_s = time.thread_time
