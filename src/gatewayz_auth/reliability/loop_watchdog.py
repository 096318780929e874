"""A thread that ends a process whose event loop has stopped turning, so that its supervisor starts a new one."""

from __future__ import annotations

import faulthandler
import os
import threading
from typing import TYPE_CHECKING

from gatewayz_auth.reliability.facts import LoopBlocked, tell_nobody

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from gatewayz_auth.reliability.facts import Tell

LIMIT_S = 5.0
EXIT_CODE = 70
"""``EX_SOFTWARE``: an internal fault."""

_LOOKS = 10
_LAST_WORDS_S = 0.2
"""What has been told is written by a thread of its own: so long it is given."""


def end_process() -> None:
    """Write every thread's stack (files and lines, no values) to standard error and leave without tidying."""
    faulthandler.dump_traceback(all_threads=True)
    threading.Event().wait(_LAST_WORDS_S)
    os._exit(EXIT_CODE)


class LoopWatchdog:
    """Ends the process when its loop has not turned in ten looks in a row, ``limit_s`` seconds in all.

    A web server's own health check is answered by a thread and does not see this. Looks are counted and not seconds: a
    process that was stopped as a whole (SIGSTOP, a laptop's sleep) and goes on is not ended for it.
    """

    __slots__ = ("_end", "_limit_s", "_loop", "_missed", "_stop", "_tell", "_thread")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tell: Tell = tell_nobody,
        *,
        limit_s: float = LIMIT_S,
        end: Callable[[], None] = end_process,
    ) -> None:
        """Watch ``loop`` once started; ``tell`` hears ``LoopBlocked`` from the thread, right before ``end``."""
        self._loop = loop
        self._tell = tell
        self._limit_s = limit_s
        self._end = end
        self._missed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns within a moment, also where the loop is blocked."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def _beat(self) -> None:
        self._missed = 0

    def _watch(self) -> None:
        look_s = self._limit_s / _LOOKS
        while not self._stop.wait(look_s):
            if self._missed >= _LOOKS:
                try:
                    self._tell(LoopBlocked(self._missed * look_s))
                finally:
                    self._end()
                return
            self._missed += 1
            try:
                self._loop.call_soon_threadsafe(self._beat)
            except RuntimeError:  # the loop is closed: nothing is left to watch
                return
