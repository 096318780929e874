"""The connections of one process: never more than so many, lent and given back without a wait, replaced when lost.

Our own, because the driver's pool does not survive callers who leave: 25 callers on 3 connections, most of them
cancelled within 10 ms, and after some rounds all three were lost for good and everybody waited for ever
(psycopg-pool 3.3.3; ``tests/contract/postgres/test_pool.py`` is that storm). Here nothing that lends or takes back can
be interrupted, as it never waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import select
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import pq

from gatewayz_auth.adapters.postgres.failures import DRIVER_ERRORS, NEIGHBOUR, in_our_words
from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown, Overloaded
from gatewayz_auth.reliability.query_timeout import timeout_exceeded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.adapters.postgres.connection import BoundedConnection
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.owned_tasks import OwnedTasks

CONNECT_LIMIT_S = 4.0
"""All of connecting, the name look-up included, which libpq's own limit does not cover."""

RETRY_S = (0.05, 0.1, 0.25, 0.5)
"""Waits between attempts to connect while callers wait; the last one from then on."""

FAILURES_ARE_CLEAR = 3
"""So many attempts that failed in a row are clear, also while others are still under way."""

MAX_AGE_S = 3600.0
"""A connection is replaced after this, less up to a tenth, so that not all are at once."""


@dataclass(slots=True)
class _Held:
    """What is known of a connection: which set it belongs to, and when it is too old."""

    generation: int
    expires_s: float


class Connections:
    """At most ``max_size`` connections made by ``connect``, ``min_size`` of them kept; ``tasks`` owns the making."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[BoundedConnection]],
        *,
        max_size: int,
        min_size: int,
        clock: Clock,
        tasks: OwnedTasks,
    ) -> None:
        """Connect nothing yet."""
        self._connect = connect
        self._clock = clock
        self._tasks = tasks
        self._max_size = max_size
        self._min_size = min_size
        self._generation = 0
        self._idle: deque[BoundedConnection] = deque()
        self._held: dict[BoundedConnection, _Held] = {}
        self._waiting: deque[asyncio.Future[BoundedConnection]] = deque()
        self._filling: set[asyncio.Future[None]] = set()
        self._connecting: set[asyncio.Task[BoundedConnection]] = set()
        self._leaving: set[asyncio.Task[BoundedConnection]] = set()
        self._failures_in_a_row = 0
        self._last_failure: NotKnown | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._is_closed = self._is_away = False
        self._made_ever = 0
        self.connection_errors = 0
        self.timeouts = 0
        self.exhausted = 0
        """Callers who found every connection taken, and no room for another."""

    @property
    def size(self) -> int:
        """Connections there are, those included that are being made or whose making is being given up."""
        return len(self._held) + len(self._connecting) + len(self._leaving)

    @property
    def idle(self) -> int:
        """Connections that nobody uses."""
        return len(self._idle)

    @property
    def out(self) -> int:
        """Connections that somebody uses."""
        return len(self._held) - len(self._idle)

    @property
    def broken(self) -> int:
        """Connections that somebody has and that are of no use any more: lost, or of before an outage."""
        if self.out == 0:
            return 0
        idle = set(self._idle)
        return sum(
            connection not in idle
            and (held.generation != self._generation or connection.pgconn.status == pq.ConnStatus.BAD)
            for connection, held in self._held.items()
        )

    @property
    def connecting(self) -> int:
        """Connections that are being made."""
        return len(self._connecting)

    @property
    def waiting(self) -> int:
        """Callers who wait for one."""
        return sum(not waiter.done() for waiter in self._waiting)

    def open(self) -> None:
        """Begin to make those that are kept; wait for none."""
        self._grow()

    async def take(self, limit_s: float) -> BoundedConnection:
        """One of them, the last used first; ``NotKnown`` at ``limit_s`` seconds, or as soon as none can be made."""
        if self._is_closed:
            raise NeighbourUnavailable(NEIGHBOUR, "its connections are being closed")
        while self._idle:
            connection = self._idle.pop()
            if self._is_good(connection) and _is_quiet(connection):
                return connection
            self._discard(connection)
        if self.out >= self._max_size:
            self.exhausted += 1
        waiter: asyncio.Future[BoundedConnection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        timer = waiter.get_loop().call_later(max(0.0, limit_s), self._time_out, waiter, limit_s)
        self._grow()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give_back(waiter.result())
            raise
        finally:
            timer.cancel()
            with contextlib.suppress(ValueError):
                self._waiting.remove(waiter)

    def give_back(self, connection: BoundedConnection) -> None:
        """Lend ``connection`` to whoever waits longest, keep it, or close it where it is no good any more."""
        if not self._is_good(connection):
            self._discard(connection)
            self._grow()
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    def drop(self, *, is_away: bool = False) -> None:
        """Use none of them any more: those in use are closed when they come back.

        Others are made in their place; where the neighbour ``is_away``, one at a time and only as callers ask for it,
        so that an outage is not knocked at by all of them, until ``refill``.
        """
        self._is_away = is_away
        self._generation += 1
        while self._idle:
            self._discard(self._idle.pop())
        hanging, self._connecting = self._connecting, set()
        self._leaving |= hanging  # each has its socket until it has ended
        for task in hanging:
            task.cancel()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._failures_in_a_row = 0
        self._grow()

    async def refill(self, limit_s: float) -> None:
        """Drop all, and return when there are as many new ones as are kept (one at least); else ``NotKnown``.

        Where the server gives us fewer, those are of use: then it returns after ``limit_s`` seconds if there is one.
        """
        filled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._filling.add(filled)
        self.drop()
        timer = filled.get_loop().call_later(limit_s, self._filled_or_not, filled, limit_s)
        try:
            await filled
        finally:
            timer.cancel()
            self._filling.discard(filled)

    def close(self) -> None:
        """Close those that nobody uses now and the others as they come back; nobody waits any longer."""
        self._is_closed = True
        if self._retry is not None:
            self._retry.cancel()
        for task in self._connecting:
            task.cancel()
        self._tell(NeighbourUnavailable(NEIGHBOUR, "its connections are being closed"))
        while self._idle:
            self._discard(self._idle.pop())

    def _new(self) -> int:
        return sum(held.generation == self._generation for held in self._held.values())

    def _is_good(self, connection: BoundedConnection) -> bool:
        held = self._held[connection]
        return (
            not self._is_closed
            and held.generation == self._generation
            and held.expires_s > self._clock.monotonic_s()
            and connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
            and connection.pgconn.pipeline_status == pq.PipelineStatus.OFF
        )

    def _discard(self, connection: BoundedConnection) -> None:
        del self._held[connection]
        connection.pgconn.finish()

    def _grow(self) -> None:
        """Begin to connect for everybody who waits and for those that are kept, but not before the next try is due."""
        if self._is_closed or self._retry is not None:
            return
        kept = max(self._min_size, 1 if self._filling else 0)
        wanted = max(self.waiting, kept - self._new())
        if self._is_away:
            wanted = self.waiting
        if self._failures_in_a_row or self._is_away:
            wanted = min(wanted, 1)  # one attempt after another finds out as well whether it is back
        wanted -= len(self._connecting)
        for _ in range(min(wanted, self._max_size - self.size)):
            try:
                task = self._tasks.spawn(self._make(), "connect")
            except Overloaded as error:  # no more at once; whoever is under way goes on
                if self.size == 0:
                    self._tell(error)
                return
            self._connecting.add(task)
            limit = task.get_loop().call_later(CONNECT_LIMIT_S, task.cancel)
            task.add_done_callback(functools.partial(self._made_or_not, limit))

    async def _make(self) -> BoundedConnection:
        return await self._connect()

    def _made_or_not(self, limit: asyncio.TimerHandle, task: asyncio.Task[BoundedConnection]) -> None:
        limit.cancel()
        is_dropped = task in self._leaving
        self._connecting.discard(task)
        self._leaving.discard(task)
        error = TimeoutError("timeout expired") if task.cancelled() else task.exception()
        if error is None and (is_dropped or self._is_closed):
            task.result().pgconn.finish()
            self._grow()
        elif error is None:
            self._made(task.result())
        elif is_dropped:
            self._grow()
        else:
            self._not_made(error, task.get_loop())

    def _made(self, connection: BoundedConnection) -> None:
        age_s = MAX_AGE_S * (1 - (self._made_ever % 10) / 100)
        self._made_ever += 1
        self._failures_in_a_row = 0
        self._last_failure = None
        self._held[connection] = _Held(self._generation, self._clock.monotonic_s() + age_s)
        self.give_back(connection)
        if self._new() >= max(self._min_size, 1):
            for filled in self._filling:
                if not filled.done():
                    filled.set_result(None)
        self._grow()

    def _not_made(self, error: BaseException, loop: asyncio.AbstractEventLoop) -> None:
        self.connection_errors += 1
        self._failures_in_a_row += 1
        self._last_failure = in_our_words(error, "connect", CONNECT_LIMIT_S) if isinstance(error, DRIVER_ERRORS) else (
            NeighbourUnavailable(NEIGHBOUR, f"the connection failed ({type(error).__name__})")
        )  # fmt: skip
        is_clear = not self._connecting or self._failures_in_a_row >= FAILURES_ARE_CLEAR
        if is_clear and self.out == 0:  # nobody has one that would come back
            self._tell(self._last_failure)
        if self._retry is None and not self._is_closed:
            wait_s = RETRY_S[min(self._failures_in_a_row, len(RETRY_S)) - 1]
            self._retry = loop.call_later(wait_s, self._retry_now)

    def _retry_now(self) -> None:
        self._retry = None
        self._grow()

    def _tell(self, failure: NotKnown) -> None:
        is_of_use = self._new() > 0 and not self._is_closed
        waiters: list[asyncio.Future[Any]] = [*self._waiting, *(() if is_of_use else self._filling)]
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(failure)

    def _filled_or_not(self, filled: asyncio.Future[None], limit_s: float) -> None:
        if self._new() > 0 and not filled.done():
            filled.set_result(None)
        else:
            self._time_out(filled, limit_s)

    def _time_out(self, waiter: asyncio.Future[Any], limit_s: float) -> None:
        if waiter.done():
            return
        self.timeouts += 1
        if self.out > 0:
            waiter.set_exception(Overloaded("postgres: no connection became free in time"))
        else:  # not our saturation: nobody has one
            waiter.set_exception(self._last_failure or timeout_exceeded(limit_s, "connect"))


def _is_quiet(connection: BoundedConnection) -> bool:
    """Whether nothing has come on an idle connection: what would come is the server's goodbye."""
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return not poll.poll(0)
