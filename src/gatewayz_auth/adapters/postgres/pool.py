"""Connections to Postgres: opened without waiting, bounded in every wait, given back however the work ends."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg_pool
from psycopg.rows import dict_row

from gatewayz_auth.adapters.postgres.connect_watch import ConnectWatch
from gatewayz_auth.adapters.postgres.connection import CONNECT_TIMEOUT_S, DEFAULT_WAIT_LIMIT_S, BoundedConnection
from gatewayz_auth.adapters.postgres.failures import DRIVER_ERRORS, in_our_words
from gatewayz_auth.adapters.postgres.statements import statement
from gatewayz_auth.domain.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.owned_tasks import OwnedTasks

Row = dict[str, Any]
_DriverPool = psycopg_pool.AsyncConnectionPool[BoundedConnection]

RECONNECT_TIMEOUT_S = 0.5
"""How long the pool tries to replace a lost connection before the next caller makes it try again."""

SERVER_MARGIN = 0.9
"""The server ends a statement at this share of the caller's limit, so that it does not run on after we left."""

CLOSE_LIMIT_S = 1.0


@dataclass(frozen=True, slots=True)
class PoolStats:
    """What the pool holds now: connections ``active`` and ``idle``, callers ``waiting``, calls in progress by name."""

    max_size: int
    size: int
    active: int
    idle: int
    waiting: int
    connection_errors: int
    connection_timeouts: int
    by_operation: Mapping[str, int]


def connection_options(database_url: str) -> dict[str, Any]:
    """How every connection of ours is made: autocommit, nothing prepared, connecting bounded (transaction poolers!)."""
    given = psycopg.conninfo.conninfo_to_dict(database_url)
    options: dict[str, Any] = {"autocommit": True, "prepare_threshold": None, "row_factory": dict_row}
    options["connect_timeout"] = given.get("connect_timeout") or CONNECT_TIMEOUT_S
    if "application_name" not in given:
        options["application_name"] = "gatewayz-auth"
    return options


class Pool:
    """At most ``max_size`` connections, ``min_size`` (default: as many) kept; ``open`` waits for none of them.

    Nothing of a session is relied on, so it works through a pooler in transaction mode. ``wait_limit_s`` is the
    backstop of each wait for the server; every call has its own, shorter limit. ``tasks`` owns what goes on unattended.
    """

    def __init__(  # noqa: PLR0913 - keywords that each say one thing
        self,
        database_url: str,
        *,
        max_size: int,
        clock: Clock,
        tasks: OwnedTasks,
        min_size: int | None = None,
        wait_limit_s: float = DEFAULT_WAIT_LIMIT_S,
    ) -> None:
        """Keep the parts; nothing is connected before ``open``."""
        self._database_url = database_url
        self._clock = clock
        self._tasks = tasks
        self._max_size = max_size
        self._min_size = max_size if min_size is None else min_size
        self._wait_limit_s = wait_limit_s
        self._by_operation: collections.Counter[str] = collections.Counter()
        self._out = 0
        self._watch = ConnectWatch(lambda: self._out > 0)
        self._pool = self._new_pool()

    def _new_pool(self) -> _DriverPool:
        return psycopg_pool.AsyncConnectionPool(
            self._database_url,
            connection_class=type(
                "Connection", (BoundedConnection,), {"wait_limit_s": self._wait_limit_s, "watch": self._watch}
            ),
            kwargs=connection_options(self._database_url),
            min_size=self._min_size,
            max_size=self._max_size,
            open=False,
            check=None,
            max_waiting=0,
            reconnect_timeout=RECONNECT_TIMEOUT_S,
            name="gatewayz-auth",
        )

    async def open(self) -> None:
        """Take callers from now on; a database that is away is noticed by the first of them, not here."""
        await self._pool.open(wait=False)

    async def renew(self, limit_s: float) -> None:
        """Put a new pool in the place of this one, filled within ``limit_s`` seconds; else raise and change nothing.

        For the moment after an outage, when the old connections may be dead without knowing it.
        """
        fresh = self._new_pool()
        await fresh.open(wait=False)
        try:
            await fresh.wait(timeout=limit_s)
        except BaseException:
            self._close_later(fresh)
            raise
        stale, self._pool = self._pool, fresh
        self._close_later(stale)

    async def drop(self) -> None:
        """Give up all connections at once, those in use when they come back; new ones are made when asked for."""
        fresh = self._new_pool()
        await fresh.open(wait=False)
        stale, self._pool = self._pool, fresh
        self._close_later(stale)

    async def close(self) -> None:
        """Close all connections and take no more callers; about a second at most."""
        await self._pool.close(timeout=CLOSE_LIMIT_S)

    def _close_later(self, pool: _DriverPool) -> None:
        with contextlib.suppress(Overloaded):  # closed with the process then
            self._tasks.spawn(pool.close(timeout=CLOSE_LIMIT_S), "close pool")

    def stats(self) -> PoolStats:
        """What the pool holds now; counts alone."""
        stats = self._pool.get_stats()
        size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
        return PoolStats(
            max_size=self._max_size,
            size=size,
            active=max(0, size - idle),
            idle=idle,
            waiting=stats.get("requests_waiting", 0),
            connection_errors=stats.get("connections_errors", 0),
            connection_timeouts=stats.get("requests_errors", 0),
            by_operation={operation: count for operation, count in self._by_operation.items() if count},
        )

    @contextlib.asynccontextmanager
    async def connection(self, limit_s: float) -> AsyncGenerator[BoundedConnection, None]:
        """A connection for one operation that may take ``limit_s`` seconds in all, waiting for it included."""
        deadline_s = self._clock.monotonic_s() + limit_s
        pool = self._pool
        connection = await self._taken(pool, limit_s)
        self._out += 1
        try:
            connection.wait_limit_s = max(0.001, deadline_s - self._clock.monotonic_s())
            yield connection
        except BaseException:
            connection.give_up()
            raise
        finally:
            self._out -= 1
            del connection.wait_limit_s
            await pool.putconn(connection)

    async def _taken(self, pool: _DriverPool, limit_s: float) -> BoundedConnection:
        """A connection of ``pool``; whoever leaves while waiting leaves the waiting to a task of its own.

        Two cancels of one who waits in the driver's pool can kill it for good (a lock is left held), and the guard
        cancels twice. So the waiting is a task's, which is cancelled once and gives back what comes too late.
        """
        if pool.get_stats().get("pool_available", 0):
            return await pool.getconn(timeout=limit_s)
        task = self._tasks.spawn(pool.getconn(timeout=limit_s), "getconn")
        hopeless = self._watch.waiter()
        try:
            await asyncio.wait((task, hopeless), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                hopeless.result()
            return task.result()
        except psycopg_pool.PoolTimeout as error:
            if self._watch.last_failure is not None and self._out == 0:
                raise self._watch.last_failure from None
            raise in_our_words(error, "getconn", limit_s) from None
        finally:
            hopeless.cancel()
            if not task.done():
                task.cancel()
                task.add_done_callback(lambda done: self._give_back(pool, done))

    def _give_back(self, pool: _DriverPool, done: asyncio.Task[BoundedConnection]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        connection = done.result()
        try:
            self._tasks.spawn(pool.putconn(connection), "putconn")
        except Overloaded:
            connection.pgconn.finish()

    async def rows(self, name: str, parameters: Mapping[str, Any], limit_s: float) -> list[Row]:
        """The rows of the statement ``name``, in one round trip; every failure is one of ``NotKnown``.

        The server ends the statement a little before ``limit_s`` seconds. It does not free a caller of a server that is
        frozen: that is the guard's part, which all calls of this are made through.
        """
        started_s = self._clock.monotonic_s()
        self._by_operation[name] += 1
        try:
            async with self.connection(limit_s) as connection:
                return await run(connection, name, parameters, limit_s - (self._clock.monotonic_s() - started_s))
        except DRIVER_ERRORS as error:
            raise in_our_words(error, name, limit_s) from None
        finally:
            self._by_operation[name] -= 1


async def run(connection: BoundedConnection, name: str, parameters: Mapping[str, Any], limit_s: float) -> list[Row]:
    """Run the statement ``name`` with a limit of its own on the server, both in one round trip (one Sync)."""
    limit_ms = max(1, int(limit_s * 1000 * SERVER_MARGIN))
    async with connection.pipeline():
        await connection.execute(statement("limit_statement"), {"limit_ms": str(limit_ms)})
        cursor = await connection.execute(statement(name), parameters)
    return await cursor.fetchall() if cursor.description is not None else []


async def probe(database_url: str) -> None:
    """Return where the database takes a connection and answers on it; else raise, within some 3 s where it is frozen.

    On a connection of its own: for the background prober of an open breaker.
    """
    try:
        async with await BoundedConnection.connect(database_url, **connection_options(database_url)) as connection:
            connection.wait_limit_s = 1.0
            await connection.execute("SELECT 1")
    except DRIVER_ERRORS as error:
        raise in_our_words(error, "probe", 1.0) from None
