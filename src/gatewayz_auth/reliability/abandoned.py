"""Calls that were walked away from: counted until they really end, capped, and ended with the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.reliability.facts import AbandonedCallEnded, CallAbandoned, tell_nobody
from gatewayz_auth.reliability.owned_tasks import OwnedTasks

if TYPE_CHECKING:
    from gatewayz_auth.reliability.facts import Tell

MAX_RUNNING = 64
"""Calls of one neighbour that may run on unattended; at the cap no new call to it starts."""

MAX_TASKS = 4096
"""Guarded calls in one process at once, attended or not."""


class UnderWay(Protocol):
    """A guarded call that has not really ended; ``left_s`` is when it was walked away from, None while it is not."""

    neighbour: str
    operation: str
    started_s: float
    left_s: float | None


class Abandoned:
    """Knows how many calls of each neighbour were walked away from: ``running`` now, ``total`` ever.

    Cancelling a driver is a wish, not an act: what was left may go on holding its connection and its memory. So it
    stays counted to its real end, and where ``max_running`` of a neighbour are left no further call to it starts.
    """

    __slots__ = ("_max_running", "_running", "_total", "tasks", "tell", "under_way")

    def __init__(self, tell: Tell = tell_nobody, *, max_running: int = MAX_RUNNING, max_tasks: int = MAX_TASKS) -> None:
        """Count nothing yet; ``tell`` hears each start and end of an abandoned call."""
        self.tell = tell
        self.tasks = OwnedTasks("guarded", max_tasks)
        self.under_way: set[UnderWay] = set()
        self._max_running = max_running
        self._running: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def running(self, neighbour: str) -> int:
        """Calls of ``neighbour`` that nobody waits for and that have not ended."""
        return self._running.get(neighbour, 0)

    def total(self, neighbour: str) -> int:
        """Calls of ``neighbour`` that were ever walked away from."""
        return self._total.get(neighbour, 0)

    def is_full(self, neighbour: str) -> bool:
        """Whether so many of ``neighbour`` are left behind that no further call may start."""
        return self.running(neighbour) >= self._max_running

    def left(self, neighbour: str, operation: str) -> None:
        """Count a call that is being walked away from."""
        self._running[neighbour] = running = self.running(neighbour) + 1
        self._total[neighbour] = self.total(neighbour) + 1
        self.tell(CallAbandoned(neighbour, operation, running))

    def ended(self, neighbour: str, operation: str, after_s: float) -> None:
        """Count a call off that has really ended, ``after_s`` seconds after it was left."""
        self._running[neighbour] = running = self.running(neighbour) - 1
        self.tell(AbandonedCallEnded(neighbour, operation, after_s, running))

    async def close(self, limit_s: float) -> tuple[str, ...]:
        """Start no more, cancel all, wait ``limit_s`` seconds at most; the names of calls that would not end."""
        return await self.tasks.close(limit_s)
