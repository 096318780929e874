"""A limit on the request's own task: it is interrupted when its time is up, by one timer for all requests."""

from __future__ import annotations

import asyncio
from asyncio import current_task, get_running_loop


class Watch:
    """One task under a limit; made by ``Watches.start``, ended by ``Watches.end``."""

    __slots__ = ("due_s", "is_interrupted", "task")

    def __init__(self) -> None:
        """Watch nobody yet: ``Watches.begin`` says whom to interrupt, and when on the loop's clock."""
        self.task: asyncio.Task[object] | None = None
        self.due_s = 0.0
        self.is_interrupted = False

    def interrupted(self) -> bool:
        """Whether a ``CancelledError`` just caught came from here and from nobody else; asked once, then it is over."""
        if not self.is_interrupted or self.task is None:
            return False
        self.is_interrupted = False
        return self.task.uncancel() == 0

    def is_ended_from_outside(self) -> bool:
        """Whether somebody asked the task to end: then a ``CancelledError`` must pass."""
        return self.task is not None and self.task.cancelling() > 0


class Watches:
    """Interrupts tasks at their limits: the belt to the guards below, for waits that heed cancellation.

    The timer is set for whoever is due first and looks again only when it rings, so that a request which ends in time
    costs two dictionary steps, where a timer of its own costs five microseconds and ``asyncio.timeout`` seven.
    As many are under way as there are requests; a scan of them all happens when the timer rings.
    """

    __slots__ = ("_loop", "_rings_s", "_timer", "_under_way")

    def __init__(self) -> None:
        """Watch nobody yet; the loop is whichever runs when somebody starts."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_s = float("inf")
        self._under_way: set[Watch] = set()

    def __len__(self) -> int:
        """How many are watched now."""
        return len(self._under_way)

    def start(self, limit_s: float) -> Watch:
        """Watch the current task; it is interrupted ``limit_s`` seconds from now unless it has ended by then."""
        watch = Watch()
        self.begin(watch, limit_s)
        return watch

    def begin(self, watch: Watch, limit_s: float) -> None:
        """``start`` with a watch that is the caller's own: a request is one itself."""
        loop = get_running_loop()
        if loop is not self._loop:
            self._forget(loop)
        watch.task = current_task(loop)
        watch.due_s = due_s = loop.time() + limit_s
        self._under_way.add(watch)
        if due_s < self._rings_s:
            self._set(loop, due_s)

    def move(self, watch: Watch, by_s: float) -> None:
        """Have ``watch`` due ``by_s`` seconds later, or sooner where that is negative."""
        watch.due_s += by_s
        if self._loop is not None and watch.due_s < self._rings_s:
            self._set(self._loop, watch.due_s)

    def end(self, watch: Watch) -> None:
        """Interrupt ``watch`` no more."""
        self._under_way.discard(watch)

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer = None
        self._rings_s = float("inf")
        self._under_way.clear()

    def _set(self, loop: asyncio.AbstractEventLoop, rings_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_s = rings_s
        self._timer = loop.call_at(rings_s, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._rings_s = float("inf")
        now_s = loop.time() + 0.001  # the clock's own grain: rather a millisecond early than another ring
        for watch in [watch for watch in self._under_way if watch.due_s <= now_s]:
            self._under_way.discard(watch)
            watch.is_interrupted = True
            if watch.task is not None:
                watch.task.cancel()
        if self._under_way:
            self._set(loop, min(watch.due_s for watch in self._under_way))
