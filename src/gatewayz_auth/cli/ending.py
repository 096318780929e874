"""The latest moment by which the process is gone once it has been asked to go."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Ending:
    """Calls ``force`` from a thread when ``limit_s`` seconds have passed since ``begin`` without ``reached``."""

    def __init__(self, limit_s: float, force: Callable[[], None]) -> None:
        """Keep both; the time runs from ``begin`` on."""
        self._limit_s = limit_s
        self._force = force
        self._begun = False
        self._reached = threading.Event()

    def begin(self) -> None:
        """Let the time run; safe in a signal handler, and further calls do nothing."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._run, name="ending", daemon=True).start()

    def reached(self) -> None:
        """It ended by itself."""
        self._reached.set()

    def _run(self) -> None:
        if not self._reached.wait(self._limit_s):
            self._force()
