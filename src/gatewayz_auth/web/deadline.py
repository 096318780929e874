"""One timer a request: it interrupts the request's own task when its time is up."""

from __future__ import annotations

import asyncio


class Watch:
    """Interrupts the task that made it, at ``limit_s`` seconds from now or wherever ``move_to`` has moved that to.

    The belt to the guards below: it ends a wait that heeds cancellation, such as the one for a slow body. One timer
    serves both limits of a request (the body's and the answer's), which costs half a microsecond where
    ``asyncio.timeout`` costs seven. Whoever makes it must ``close`` it.
    """

    __slots__ = ("_due_s", "_fired", "_handle", "_loop", "_made_s", "_task")

    def __init__(self, limit_s: float) -> None:
        """Start now, for the current task."""
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._made_s = self._loop.time()
        self._due_s = self._made_s + limit_s
        self._fired = False
        self._handle = self._loop.call_at(self._due_s, self._on_time)

    def move_to(self, limit_s: float) -> None:
        """Be due ``limit_s`` seconds after the start, at once where that has passed; later is cheaper than sooner."""
        due_s = self._made_s + limit_s
        if due_s < self._due_s:
            self._handle.cancel()
            self._handle = self._loop.call_at(due_s, self._on_time)
        self._due_s = due_s

    def interrupted(self) -> bool:
        """Whether a ``CancelledError`` just caught was this timer's and nobody else's; asked once, and then it is over.

        False means that somebody outside ended the task: tidy up and let the error pass.
        """
        if not self._fired or self._task is None:
            return False
        self._fired = False
        return self._task.uncancel() == 0

    def is_ended_from_outside(self) -> bool:
        """Whether somebody asked the task to end: then a ``CancelledError`` must pass."""
        return self._task is not None and self._task.cancelling() > 0

    def close(self) -> None:
        """Interrupt no more."""
        self._handle.cancel()

    def _on_time(self) -> None:
        now_s = self._loop.time()
        if now_s + 0.001 < self._due_s:
            self._handle = self._loop.call_at(self._due_s, self._on_time)
        elif self._task is not None:
            self._fired = True
            self._task.cancel()
