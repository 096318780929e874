"""Connections to Postgres: opened without waiting, bounded in every wait, given back however the work ends."""

from __future__ import annotations

import collections
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg_pool
from psycopg.rows import dict_row

from gatewayz_auth.adapters.postgres.connection import CONNECT_TIMEOUT_S, DEFAULT_WAIT_LIMIT_S, BoundedConnection
from gatewayz_auth.adapters.postgres.failures import NEIGHBOUR, in_our_words
from gatewayz_auth.adapters.postgres.statements import statement
from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from gatewayz_auth.reliability.abandoned import Abandoned
    from gatewayz_auth.reliability.clock import Clock

Row = dict[str, Any]

RECONNECT_TIMEOUT_S = 0.5
"""How long the pool tries to replace a lost connection before the next caller makes it try again."""

SERVER_MARGIN = 0.9
"""The server ends a statement at this share of the caller's limit, so that it does not run on after we left."""

_CLOSE_LIMIT_S = 1.0


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
    """At most ``max_size`` connections, made as they are needed; ``open`` waits for none of them.

    Nothing of a session is relied on, so it works through a pooler in transaction mode. ``wait_limit_s`` is the
    backstop of each wait for the server; every call has its own, shorter limit.
    """

    def __init__(
        self,
        database_url: str,
        *,
        max_size: int,
        clock: Clock,
        abandoned: Abandoned,
        wait_limit_s: float = DEFAULT_WAIT_LIMIT_S,
    ) -> None:
        """Keep the parts; nothing is connected before ``open``."""
        self._clock = clock
        self._abandoned = abandoned
        self._max_size = max_size
        self._by_operation: collections.Counter[str] = collections.Counter()
        self._pool: psycopg_pool.AsyncConnectionPool[BoundedConnection] = psycopg_pool.AsyncConnectionPool(
            database_url,
            connection_class=type("Connection", (BoundedConnection,), {"wait_limit_s": wait_limit_s}),
            kwargs=connection_options(database_url),
            min_size=0,
            max_size=max_size,
            open=False,
            check=None,
            max_waiting=0,
            reconnect_timeout=RECONNECT_TIMEOUT_S,
            name="gatewayz-auth",
        )

    async def open(self) -> None:
        """Take callers from now on; a database that is away is noticed by the first of them, not here."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections and take no more callers; about a second at most."""
        await self._pool.close(timeout=_CLOSE_LIMIT_S)

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
        connection = await self._pool.getconn(timeout=limit_s)
        try:
            connection.wait_limit_s = max(0.001, deadline_s - self._clock.monotonic_s())
            yield connection
        except BaseException:
            connection.give_up()
            raise
        finally:
            del connection.wait_limit_s
            await self._pool.putconn(connection)

    async def guarded(self, operation: str, limit_s: float, work: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever ``work`` answers
        """What ``work`` answers within ``limit_s`` seconds; every failure is one of ``NotKnown``."""
        self._by_operation[operation] += 1

        def ended() -> None:
            self._by_operation[operation] -= 1

        try:
            return await guarded(
                work,
                limit_s=limit_s,
                operation=operation,
                neighbour=NEIGHBOUR,
                clock=self._clock,
                abandoned=self._abandoned,
                on_end=ended,
            )
        except (psycopg.Error, psycopg_pool.PoolClosed, psycopg_pool.PoolTimeout, OSError) as error:
            raise in_our_words(error, operation, limit_s) from None

    async def rows(self, name: str, parameters: Mapping[str, Any], limit_s: float) -> list[Row]:
        """The rows of the statement ``name``: one round trip, bounded here and on the server."""

        async def work() -> list[Row]:
            started_s = self._clock.monotonic_s()
            async with self.connection(limit_s) as connection:
                left_s = limit_s - (self._clock.monotonic_s() - started_s)
                return await run(connection, name, parameters, left_s)

        answer: list[Row] = await self.guarded(name, limit_s, work)
        return answer


async def run(connection: BoundedConnection, name: str, parameters: Mapping[str, Any], limit_s: float) -> list[Row]:
    """Run the statement ``name`` with a limit of its own on the server, both in one round trip (one Sync)."""
    limit_ms = max(1, int(limit_s * 1000 * SERVER_MARGIN))
    async with connection.pipeline():
        await connection.execute(statement("limit_statement"), {"limit_ms": str(limit_ms)})
        cursor = await connection.execute(statement(name), parameters)
    return await cursor.fetchall() if cursor.description is not None else []
