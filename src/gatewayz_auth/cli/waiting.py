"""Tells on a terminal, while something takes its time, what it is and for how long already; nobody else is told."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.reliability.clock import Clock

EACH_S = 0.2
_COLUMNS = 80


class Waiting:
    """One line on standard error from entering to leaving, then nothing of it is left.

    Silent where standard error is no terminal, and with ``as_json``. ``more`` says how far it is; it is called from a
    thread of ours, and must not raise.
    """

    def __init__(self, what: str, clock: Clock, *, as_json: bool, more: Callable[[], str] | None = None) -> None:
        """Keep what is told; nothing is told before it is entered."""
        self._what = what
        self._more = more
        self._clock = clock
        self._is_told = sys.stderr.isatty() and not as_json
        self._told = ""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, more: str) -> None:
        """How far it is, from now on."""
        self._told = more

    def __enter__(self) -> Self:
        if self._is_told:
            self._thread = threading.Thread(target=self._show, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def _show(self) -> None:
        began_s, width = self._clock.monotonic_s(), 0
        while True:
            more = self._told if self._more is None else self._more()
            line = f"{self._what} ({self._clock.monotonic_s() - began_s:.0f} s){f': {more}' if more else ' ...'}"
            line = line[: _columns() - 1]
            self._print(f"\r{line.ljust(width)}")
            width = len(line)
            if self._ended.wait(EACH_S):
                self._print(f"\r{' ' * width}\r")
                return

    def _print(self, text: str) -> None:
        try:
            print(text, end="", file=sys.stderr, flush=True)
        except (OSError, ValueError):  # the terminal has gone: the work is what matters
            self._ended.set()


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS
