"""Readers who ask at once share round trips, so that six hundred of them do not all come too late together."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.errors import NotKnown, Overloaded, QueryTimeoutError
from gatewayz_auth.reliability.owned_tasks import OwnedTasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

MAX_READERS = 32
"""Readers of one round trip; the next ones go with the next."""

MAX_ROUND_TRIPS = 2
"""Round trips at once: what limits is our own processor, so more would only make all of them late."""

MAX_WAITING = 4096
"""Readers who wait for their turn; one more is refused."""

_Reader = tuple[tuple[str, ...], "asyncio.Future[list[Any]]"]


class ReadBatch:
    """Asks ``read`` for the keys of all who ask at the same time; each waits ``limit_s`` seconds at most.

    A reader who leaves takes nobody along: the others' round trip goes on.
    """

    __slots__ = ("_is_due", "_limit_s", "_read", "_tasks", "_waiting")

    def __init__(self, read: Callable[[Sequence[str]], Awaitable[list[Any]]], limit_s: float) -> None:
        """Ask nothing yet; ``read`` answers the values at its keys in their order, or raises ``NotKnown``."""
        self._read = read
        self._limit_s = limit_s
        self._waiting: deque[_Reader] = deque()
        self._is_due = False
        self._tasks = OwnedTasks("redis-read", MAX_ROUND_TRIPS)

    @property
    def waiting(self) -> int:
        """Readers whose round trip has not begun."""
        return len(self._waiting)

    async def values(self, *keys: str) -> list[Any]:
        """The values at ``keys``; ``NotKnown`` where they could not be learnt in time."""
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} readers wait for redis")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()
        self._waiting.append((keys, answer))
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._send)
        try:
            await asyncio.wait((answer,), timeout=self._limit_s)
        finally:
            if not answer.done():
                answer.cancel()
        if answer.cancelled():
            raise QueryTimeoutError(f"timeout exceeded {self._limit_s:g}s", operation="read", timeout_s=self._limit_s)
        return answer.result()

    def _send(self) -> None:
        self._is_due = False
        while self._waiting and not self._tasks.is_full:
            group: list[_Reader] = []
            while self._waiting and len(group) < MAX_READERS:
                reader = self._waiting.popleft()
                if not reader[1].done():
                    group.append(reader)
            if group:
                self._tasks.spawn(self._round_trip(group), "batch").add_done_callback(self._next)

    def _next(self, _ended: asyncio.Task[None]) -> None:
        self._send()

    async def _round_trip(self, group: list[_Reader]) -> None:
        try:
            values = await self._read([key for keys, _ in group for key in keys])
        except NotKnown as error:
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # whoever has just left will not ask for it
            return
        except BaseException:
            for _, answer in group:
                answer.cancel()
            raise
        start = 0
        for keys, answer in group:
            if not answer.done():
                answer.set_result(values[start : start + len(keys)])
            start += len(keys)

    async def close(self, limit_s: float) -> None:
        """End what is under way, within ``limit_s`` seconds; whoever waits is told that nothing is known."""
        await self._tasks.close(limit_s)
        for _, answer in self._waiting:
            answer.cancel()
        self._waiting.clear()
