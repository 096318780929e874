"""The only place that makes tasks: each is held, counted, named, and ended with its owner."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayz_auth.domain.errors import Overloaded
from gatewayz_auth.reliability.facts import TaskFailed, tell_nobody

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gatewayz_auth.reliability.facts import Tell

T = TypeVar("T")


def cancel_twice(task: asyncio.Task[Any]) -> None:
    """Cancel ``task`` now and once more a loop turn later, if it has not ended by then.

    psycopg answers one cancel of a running query only after 10 s, a second one within a millisecond. The second comes
    behind the step that the first one woke; together they would count as one.
    """
    task.cancel()
    task.get_loop().call_soon(task.cancel)


class OwnedTasks:
    """Holds at most ``max_tasks`` tasks; one more is refused with ``Overloaded``, never queued."""

    __slots__ = ("_is_closed", "_max_tasks", "_name", "_tasks", "_tell")

    def __init__(self, name: str, max_tasks: int, tell: Tell = tell_nobody) -> None:
        """Own nothing yet; ``tell`` hears ``TaskFailed`` of tasks that end with an error."""
        self._name = name
        self._max_tasks = max_tasks
        self._tell = tell
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    def __len__(self) -> int:
        """How many run now."""
        return len(self._tasks)

    @property
    def is_full(self) -> bool:
        """Whether ``spawn`` would refuse."""
        return self._is_closed or len(self._tasks) >= self._max_tasks

    def spawn(self, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run ``coro`` as a task called ``name``; ``Overloaded`` (and ``coro`` closed) where full or closed."""
        if self.is_full:
            coro.close()
            why = "is closed" if self._is_closed else f"has {self._max_tasks} tasks"
            raise Overloaded(f"{self._name} {why}")
        task = asyncio.create_task(coro, name=f"{self._name}:{name}")  # noqa: TID251 - this is the owner
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._tell(TaskFailed(self._name, task.get_name(), type(error).__name__))

    async def join(self, limit_s: float) -> bool:
        """Wait ``limit_s`` seconds at most for all to end by themselves; whether they have."""
        tasks = self._tasks - {asyncio.current_task()}
        if tasks:
            _, running = await asyncio.wait(tasks, timeout=max(0.0, limit_s))
            return not running
        return True

    async def close(self, limit_s: float) -> tuple[str, ...]:
        """Take no more, cancel all, wait ``limit_s`` seconds at most; the names of tasks that would not end."""
        self._is_closed = True
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            cancel_twice(task)
        if tasks:
            _, deaf = await asyncio.wait(tasks, timeout=max(0.0, limit_s))
            return tuple(sorted(task.get_name() for task in deaf))
        return ()
