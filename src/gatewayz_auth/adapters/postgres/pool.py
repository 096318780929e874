"""Connections to Postgres: opened without waiting, bounded in every wait, given back however the work ends."""

from __future__ import annotations

import collections
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from gatewayz_auth.adapters.postgres.connection import CONNECT_TIMEOUT_S, DEFAULT_WAIT_LIMIT_S, BoundedConnection
from gatewayz_auth.adapters.postgres.connections import Connections
from gatewayz_auth.adapters.postgres.failures import DRIVER_ERRORS, in_our_words
from gatewayz_auth.adapters.postgres.statements import statement
from gatewayz_auth.reliability.trace_context import TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.owned_tasks import OwnedTasks

Row = dict[str, Any]

SERVER_MARGIN = 0.9
"""The server ends a statement at this share of the caller's limit, so that it does not run on after we left."""


@dataclass(frozen=True, slots=True)
class PoolStats:
    """What the pool holds now: connections by what they do, callers ``waiting``, calls in progress by name.

    ``size`` counts all of them, ``connecting`` ones included; ``exhausted`` is how often a caller found none left.
    """

    max_size: int
    size: int
    active: int
    idle: int
    broken: int
    connecting: int
    waiting: int
    exhausted: int
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
        self._clock = clock
        self._max_size = max_size
        self._by_operation: collections.Counter[str] = collections.Counter()
        self._database_url = database_url
        self._wait_limit_s = wait_limit_s
        self._options = connection_options(database_url)
        self._connections = Connections(
            self._connect,
            max_size=max_size,
            min_size=max_size if min_size is None else min_size,
            clock=clock,
            tasks=tasks,
        )

    async def _connect(self) -> BoundedConnection:
        return await BoundedConnection.connect(self._database_url, **self._options)

    async def open(self) -> None:
        """Begin to connect and wait for nothing; a database that is away is noticed by the first caller, not here."""
        self._connections.open()

    async def renew(self, limit_s: float) -> None:
        """Drop all connections and return when new ones stand in their place; ``NotKnown`` after ``limit_s`` seconds.

        For the moment after an outage, when old connections may be dead without knowing it.
        """
        await self._connections.refill(limit_s)

    async def drop(self) -> None:
        """Use none of the connections any more; those in use are closed when they come back.

        For a database that is away; ``renew`` is for when it is back.
        """
        self._connections.drop(is_away=True)

    async def close(self) -> None:
        """Close all connections and take no more callers; those in use are closed as they come back."""
        self._connections.close()

    def stats(self) -> PoolStats:
        """What the pool holds now; counts alone."""
        connections = self._connections
        broken = connections.broken
        return PoolStats(
            max_size=self._max_size,
            size=connections.size,
            active=connections.out - broken,
            idle=connections.idle,
            broken=broken,
            connecting=connections.connecting,
            waiting=connections.waiting,
            exhausted=connections.exhausted,
            connection_errors=connections.connection_errors,
            connection_timeouts=connections.timeouts,
            by_operation={operation: count for operation, count in self._by_operation.items() if count},
        )

    @contextlib.asynccontextmanager
    async def connection(self, limit_s: float) -> AsyncGenerator[BoundedConnection, None]:
        """A connection for one operation that may take ``limit_s`` seconds in all, waiting for it included."""
        deadline_s = self._clock.monotonic_s() + limit_s
        connection = await self._connections.take(limit_s)
        try:
            connection.wait_limit_s = max(0.001, deadline_s - self._clock.monotonic_s())
            yield connection
        except BaseException:
            connection.give_up()
            raise
        finally:
            connection.wait_limit_s = self._wait_limit_s
            self._connections.give_back(connection)

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
        if (traceparent := TRACEPARENT.get()) is not None:
            await connection.execute(statement("carry_trace"), {"traceparent": traceparent})
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
