"""Background tasks that start again when they fail, a little later each time, and say so once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gatewayz_auth.reliability.backoff import Backoff
from gatewayz_auth.reliability.facts import TaskRecovered, TaskRestarted, tell_nobody
from gatewayz_auth.reliability.owned_tasks import OwnedTasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.reliability.entropy import Entropy
    from gatewayz_auth.reliability.facts import Tell

MAX_TASKS = 64
HEALTHY_AFTER_S = 10.0
"""A task that has run for so long without failing is well again."""


class Supervisor:
    """Owns background tasks for the life of the process; each is restarted with backoff when it fails.

    ``TaskRestarted`` is told at the first failure of a row and ``TaskRecovered`` when the row is over, so that a
    neighbour that is down for an hour is two lines and not a thousand. A task that returns is done.
    """

    __slots__ = ("_backoff", "_entropy", "_healthy_after_s", "_tasks", "_tell")

    def __init__(
        self,
        entropy: Entropy,
        tell: Tell = tell_nobody,
        *,
        backoff: Backoff | None = None,
        healthy_after_s: float = HEALTHY_AFTER_S,
    ) -> None:
        """Own nothing yet; the first restart comes 0.1 s after a failure, none later than 5 s after its own."""
        self._entropy = entropy
        self._tell = tell
        self._backoff = backoff or Backoff()
        self._healthy_after_s = healthy_after_s
        self._tasks = OwnedTasks("background", MAX_TASKS, tell)

    def __len__(self) -> int:
        """Tasks under supervision."""
        return len(self._tasks)

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` now and again whenever it fails, until ``close``."""
        self._tasks.spawn(self._keep(name, work), name)

    async def join(self, limit_s: float) -> bool:
        """Wait ``limit_s`` seconds at most for all to be done by themselves; whether they are."""
        return await self._tasks.join(limit_s)

    async def close(self, limit_s: float) -> tuple[str, ...]:
        """End all; wait ``limit_s`` seconds at most; the names of tasks that would not end."""
        return await self._tasks.close(limit_s)

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        failures, delay_s = 0, 0.0

        def recovered() -> None:
            nonlocal failures, delay_s
            if failures:
                self._tell(TaskRecovered(name, failures))
            failures, delay_s = 0, 0.0

        while True:
            well = loop.call_later(self._healthy_after_s, recovered)
            error = await self._outcome(work)
            well.cancel()
            if error is None:
                recovered()
                return
            failures += 1
            delay_s = self._backoff.next_s(delay_s, self._entropy.fraction())
            if failures == 1:
                self._tell(TaskRestarted(name, error, failures, delay_s))
            await asyncio.sleep(delay_s)

    async def _outcome(self, work: Callable[[], Awaitable[None]]) -> str | None:
        """The name of the error that ``work`` ended with, None where it returned; our own end passes through."""
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return "CancelledError"  # from within: something it awaited was cancelled, not this task
        except Exception as error:  # noqa: BLE001 - whatever it was, it starts again, and is told
            return type(error).__name__
        return None
