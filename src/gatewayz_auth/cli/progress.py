"""Tells on standard error how far long work is: one line that changes on a terminal, else a line now and then."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayz_auth.reliability.clock import Clock

PIPED_EACH_S = 5.0


class Progress:
    """What is said of the same phase is told every ``each_s`` seconds where nobody looks on."""

    def __init__(self, clock: Clock, *, is_terminal: bool | None = None, each_s: float = PIPED_EACH_S) -> None:
        """Say nothing yet; ``is_terminal`` is found out where it is not given."""
        self._clock = clock
        self._is_terminal = sys.stderr.isatty() if is_terminal is None else is_terminal
        self._each_s = each_s
        self._width = 0
        self._phase, self._next_s = "", 0.0

    def __call__(self, line: str) -> None:
        """Tell ``line``; its phase is what stands in front of the colon, numbers left out."""
        if self._is_terminal:
            print(f"\r{line.ljust(self._width)}", end="", file=sys.stderr, flush=True)
            self._width = len(line)
            return
        phase, now_s = line.partition(":")[0].lstrip("0123456789"), self._clock.monotonic_s()
        if phase != self._phase or now_s >= self._next_s:
            print(line, file=sys.stderr, flush=True)
            self._phase, self._next_s = phase, now_s + self._each_s

    def end(self) -> None:
        """Leave the line that was told last."""
        if self._is_terminal and self._width:
            print(file=sys.stderr, flush=True)
