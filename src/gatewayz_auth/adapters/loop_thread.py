"""An event loop in a daemon thread, for plain functions that anybody calls from any thread or loop."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import TimeoutError as NotInTime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class LoopThread:
    """Runs coroutines of plain callers; starts at the first call, again in a child made by ``fork``, ends with us."""

    def __init__(self, name: str) -> None:
        """Start nothing yet."""
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def _running(self) -> asyncio.AbstractEventLoop:
        loop = self._loop
        if loop is not None and self._pid == os.getpid():
            return loop
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop = asyncio.new_event_loop()
                self._pid = os.getpid()
                threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True).start()
            return self._loop

    def call(self, work: Callable[[], Coroutine[Any, Any, T]], limit_s: float, otherwise: T) -> T:
        """What ``work`` answers, or ``otherwise`` where it does not within ``limit_s`` seconds, which it may block."""
        future = asyncio.run_coroutine_threadsafe(work(), self._running())
        try:
            return future.result(limit_s)
        except NotInTime:
            future.cancel()
            return otherwise

    async def acall(self, work: Callable[[], Coroutine[Any, Any, T]], limit_s: float, otherwise: T) -> T:
        """As ``call``, from a coroutine of any loop, which goes on turning."""
        future = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self._running()))
        try:
            await asyncio.wait((future,), timeout=limit_s)
        finally:
            is_late = not future.done()
            if is_late:
                future.cancel()
        return otherwise if is_late or future.cancelled() else future.result()
