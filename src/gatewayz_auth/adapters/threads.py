"""Threads for work that cannot be stopped: bounded, counted, and never in the way of the process's end."""

from __future__ import annotations

import contextvars
import os
import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayz_auth.domain.errors import Overloaded, QueryTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class BoundedThreads:
    """Runs plain callables in daemon threads, at most ``max_threads`` at once; one more is refused, never queued.

    A thread cannot be ended from outside. Whoever stops waiting walks away: the call stays counted, and its place
    taken, until it has really ended. Callable from any thread; a child made by ``fork`` starts with nothing running.
    """

    def __init__(self, name: str, max_threads: int) -> None:
        """Start no thread yet."""
        self._name = name
        self._max_threads = max_threads
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._live: set[Future[Any]] = set()
        self._abandoned: set[Future[Any]] = set()
        self._abandoned_total = 0

    @property
    def running(self) -> int:
        """Calls that run now, attended or not."""
        return len(self._live)

    @property
    def abandoned(self) -> int:
        """Calls that were walked away from and still run."""
        return len(self._abandoned)

    @property
    def abandoned_total(self) -> int:
        """Calls that were ever walked away from."""
        return self._abandoned_total

    def submit(self, func: Callable[[], T]) -> Future[T]:
        """Start ``func`` in a thread with the caller's context variables; ``Overloaded`` where all are taken."""
        future: Future[T] = Future()
        with self._lock:
            if self._pid != os.getpid():  # threads do not survive a fork, nor do their places
                self._pid = os.getpid()
                self._live.clear()
                self._abandoned.clear()
            if len(self._live) >= self._max_threads:
                raise Overloaded(f"all {self._max_threads} {self._name} threads are taken")
            self._live.add(future)
        future.set_running_or_notify_cancel()
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(self._run, func, future), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the machine has no thread left to give
            self._ended(future)
            raise Overloaded(f"no further {self._name} thread can be started") from error
        return future

    def _run(self, func: Callable[[], T], future: Future[T]) -> None:
        try:
            result = func()
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
            self._ended(future)
            future.set_exception(error)
        else:
            self._ended(future)
            future.set_result(result)

    def _ended(self, future: Future[Any]) -> None:
        with self._lock:
            self._live.discard(future)
            self._abandoned.discard(future)

    def walk_away(self, future: Future[Any]) -> None:
        """Count ``future`` as left behind, unless it has just ended."""
        with self._lock:
            if future in self._live and future not in self._abandoned:
                self._abandoned.add(future)
                self._abandoned_total += 1

    def run(self, func: Callable[[], T], limit_s: float, operation: str) -> T:
        """What ``func`` answers or raises, or ``QueryTimeoutError`` after ``limit_s`` seconds, whatever it does."""
        if not limit_s > 0:
            raise timeout_exceeded(limit_s, operation)
        future = self.submit(func)
        try:
            wait([future], timeout=min(limit_s, threading.TIMEOUT_MAX))
        finally:
            self.walk_away(future)  # also where the waiting itself was interrupted
        if not future.done():
            raise timeout_exceeded(limit_s, operation)
        return future.result()


def timeout_exceeded(limit_s: float, operation: str) -> QueryTimeoutError:
    """Word the error of a call that was given up at ``limit_s`` seconds: ``timeout exceeded 5s``."""
    return QueryTimeoutError(f"timeout exceeded {limit_s:g}s", operation=operation, timeout_s=limit_s)
