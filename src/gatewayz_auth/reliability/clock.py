"""The only door to time: ``monotonic_s`` measures, ``utc_now_s`` stamps, ``thread_busy_s`` tells who was late."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import Protocol

SCHEDSTAT = "/proc/thread-self/schedstat"
"""Nanoseconds that this thread ran, and that it was ready to and waited for a processor; Linux alone has it."""

_READ_BYTES = 64
_NANO = 1e-9


class Clock(Protocol):
    """Each clock has its name; tests turn their own."""

    def monotonic_s(self) -> float:
        """Seconds that only go forward; differences alone mean something."""
        ...

    def utc_now_s(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    def thread_busy_s(self) -> float:
        """Seconds that this thread has worked for, or was ready to and had no processor; differences mean something."""
        ...


class _Waiting:
    """What the kernel keeps of how long one thread waited for a processor; its file is closed with the thread."""

    __slots__ = ("_file",)

    def __init__(self) -> None:
        try:
            self._file = os.open(SCHEDSTAT, os.O_RDONLY)
        except OSError:
            self._file = -1

    def __del__(self) -> None:
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)

    def waited_s(self) -> float:
        """Seconds, 0 where the kernel keeps nothing."""
        if self._file < 0:
            return 0.0
        try:
            return int(os.pread(self._file, _READ_BYTES, 0).split()[1]) * _NANO
        except (OSError, IndexError, ValueError):
            return 0.0


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ("_threads", "monotonic_s", "utc_now_s")

    def __init__(self) -> None:
        """Be the machine's functions, not calls of them: the hot route reads clocks nine times."""
        self.monotonic_s = time.monotonic
        self.utc_now_s = time.time
        self._threads = threading.local()

    def thread_busy_s(self) -> float:
        """Seconds that this thread has worked for, and where the kernel tells, waited for a processor; 3 us a call."""
        waiting: _Waiting | None = getattr(self._threads, "waiting", None)
        if waiting is None:
            waiting = self._threads.waiting = _Waiting()
        return time.thread_time() + waiting.waited_s()
