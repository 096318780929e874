"""So many at once and no more: slots, and a fair queue of those who can still be answered in time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.errors import Overloaded
from gatewayz_auth.reliability.admission import Pace, fair_position
from gatewayz_auth.reliability.query_timeout import timeout_exceeded

if TYPE_CHECKING:
    from collections.abc import Hashable

    from gatewayz_auth.reliability.clock import Clock

MAX_QUEUE = 2000
"""Callers who queue at once; one more is refused."""

KEY_SHARE = 0.25
"""The share of the queue that one key may fill."""

FIRST_SERVICE_S = 0.01
"""The service time that is assumed before there is one to learn from."""


class Slot:
    """One of the slots; it is taken until ``release``, which may be called again without harm."""

    __slots__ = ("_bulkhead", "_is_held", "_taken_s")

    def __init__(self, bulkhead: Bulkhead, taken_s: float) -> None:
        """Taken at ``taken_s``."""
        self._bulkhead = bulkhead
        self._taken_s = taken_s
        self._is_held = True

    def release(self) -> None:
        """Give it to whoever waits next; to be called when the work has really ended (``guarded``'s ``on_end``)."""
        if self._is_held:
            self._is_held = False
            self._bulkhead._released(self._taken_s)  # noqa: SLF001 - two halves of one thing


class Bulkhead:
    """``slots`` calls at once; others queue where that leads to an answer in time, keys taking turns.

    Memory is bounded by ``max_queue``, of which one key may fill ``KEY_SHARE``. A full queue, and a wait that would
    not fit, is ``Overloaded`` at once: our saturation, not the neighbour's failure.
    """

    __slots__ = (
        "_clock",
        "_max_queue",
        "_moved_s",
        "_pace",
        "_queues",
        "_slots",
        "_taken",
        "_waiting",
        "exhausted",
        "neighbour",
    )

    def __init__(self, neighbour: str, slots: int, clock: Clock, *, max_queue: int = MAX_QUEUE) -> None:
        """Start with all slots free."""
        self.neighbour = neighbour
        self._slots = slots
        self._clock = clock
        self._max_queue = max_queue
        self._pace = Pace(FIRST_SERVICE_S)
        self._moved_s = clock.monotonic_s()
        self._taken = 0
        self._waiting = 0
        self.exhausted = 0
        """Callers who found every slot taken."""
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[Slot]]] = OrderedDict()

    @property
    def taken(self) -> int:
        """Slots whose work has not really ended."""
        return self._taken

    @property
    def waiting(self) -> int:
        """Callers in the queue."""
        return self._waiting

    @property
    def service_s(self) -> float:
        """How long a slot is held lately, in seconds."""
        return self._pace.service_s

    async def acquire(
        self, key: Hashable, *, limit_s: float, operation: str, give_up: asyncio.Future[Any] | None = None
    ) -> Slot:
        """A slot for ``key``, its ``release`` the caller's duty from then on.

        ``limit_s`` is the time in which the caller needs the answer, not merely the slot. ``Overloaded`` at once where
        that cannot be expected, and later where it did not come true; ``QueryTimeoutError`` where ``limit_s`` is 0 or
        ``give_up`` is done (an opening breaker).
        """
        if not limit_s > 0 or (give_up is not None and give_up.done()):
            raise timeout_exceeded(max(0.0, limit_s), operation)
        if self._taken < self._slots and not self._waiting:
            return self._take()
        self.exhausted += 1
        future = self._enqueue(key, limit_s)
        started_s = self._clock.monotonic_s()
        waited_for: tuple[asyncio.Future[Any], ...] = (future,) if give_up is None else (future, give_up)
        try:
            await asyncio.wait(waited_for, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._leave(key, future)
            raise
        if future.done():
            return future.result()
        self._leave(key, future)
        if give_up is not None and give_up.done():
            raise timeout_exceeded(self._clock.monotonic_s() - started_s, operation)
        raise Overloaded(f"{self.neighbour}: no slot came free in time")

    def check(self, limit_s: float) -> None:
        """Raise ``Overloaded`` where somebody new, who needs an answer within ``limit_s`` seconds, would be refused."""
        if self._taken < self._slots and not self._waiting:
            return
        try:
            self._admit(0, limit_s)
        except Overloaded:
            self.exhausted += 1
            raise

    def _enqueue(self, key: Hashable, limit_s: float) -> asyncio.Future[Slot]:
        queue = self._queues.get(key)
        self._admit(len(queue) if queue is not None else 0, limit_s)
        if queue is None:
            queue = self._queues[key] = deque()
        future: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        queue.append(future)
        self._waiting += 1
        return future

    def _admit(self, own: int, limit_s: float) -> None:
        """Refuse whoever cannot be answered in time, or the queue is too full for; ``own`` of their key are in it."""
        if self._waiting >= self._max_queue or own >= max(1, int(self._max_queue * KEY_SHARE)):
            raise Overloaded(f"{self.neighbour}: the queue is full")
        ahead = fair_position(own, len(self._queues), self._waiting)
        pace = self._pace.at_least(self._clock.monotonic_s() - self._moved_s)
        if not pace.fits(ahead, self._slots, limit_s):
            expected_s = pace.expected_s(ahead, self._slots)
            raise Overloaded(
                f"{self.neighbour}: an answer is expected in {expected_s:.2g}s and needed in {limit_s:.2g}s"
            )

    def _leave(self, key: Hashable, future: asyncio.Future[Slot]) -> None:
        """Take a waiter out who goes without a slot, or with one that came in the same moment."""
        if future.done():
            future.result().release()
            return
        queue = self._queues[key]
        queue.remove(future)
        self._waiting -= 1
        if not queue:
            del self._queues[key]

    def _take(self) -> Slot:
        self._taken += 1
        self._moved_s = now_s = self._clock.monotonic_s()
        return Slot(self, now_s)

    def _released(self, taken_s: float) -> None:
        self._taken -= 1
        self._moved_s = now_s = self._clock.monotonic_s()
        self._pace = self._pace.after(now_s - taken_s)
        while self._waiting and self._taken < self._slots:
            key, queue = self._queues.popitem(last=False)
            future = queue.popleft()
            self._waiting -= 1
            if queue:
                self._queues[key] = queue  # to the end: the next key's turn
            future.set_result(self._take())
