"""A connection whose every wait has a limit, and that closes itself rather than be left in the middle of a query."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, TypeVar

import psycopg
from psycopg import pq, waiting

if TYPE_CHECKING:
    from collections.abc import Generator

    from psycopg.abc import PQGen, PQGenConn

RV = TypeVar("RV")

CONNECT_TIMEOUT_S = 2
"""libpq's floor; it bounds every step of connecting but the name look-up."""

DEFAULT_WAIT_LIMIT_S = 10.0
"""Backstop of a single wait, where an operation has set no limit of its own."""


_attempts: ContextVar[list[Generator[Any, Any, Any]]] = ContextVar("_attempts")


class BoundedConnection(psycopg.AsyncConnection[Any]):
    """Waits at most ``wait_limit_s`` seconds for the server, then closes; the same when cancelled during a query.

    psycopg's own answer to a cancel is to ask the server to stop and to wait up to 10 s for it. A frozen server does
    not answer, so the connection is given up at once; the server's side ends by its ``statement_timeout``. This leans
    on ``AsyncConnection.wait`` of psycopg 3.3; ``tests/unit/adapters/postgres/test_connection.py`` watches it.
    """

    wait_limit_s: float = DEFAULT_WAIT_LIMIT_S

    @classmethod
    async def connect(cls, conninfo: str = "", **options: Any) -> Self:  # noqa: ANN401 - the driver's own options
        """Connect, and leave no socket behind where that fails or is cancelled.

        The driver leaves it to the garbage collector, and in an outage there would be more of them than a pool may
        have connections.
        """
        attempts: list[Generator[Any, Any, Any]] = []
        token = _attempts.set(attempts)
        try:
            return await super().connect(conninfo, **options)
        except BaseException:
            for attempt in attempts:
                with contextlib.suppress(psycopg.Error, RuntimeError):
                    attempt.close()
            raise
        finally:
            _attempts.reset(token)

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        attempt = super()._connect_gen(conninfo)
        if (attempts := _attempts.get(None)) is not None:
            attempts.append(attempt)
        return attempt

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:  # noqa: ASYNC109 - the driver's own signature
        """Run ``gen`` to its end, or raise ``OperationalError`` at the limit with the connection closed."""
        limit_s = self.wait_limit_s if timeout is None else min(timeout, self.wait_limit_s)
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, timeout=limit_s)
        except BaseException as error:
            if not isinstance(error, psycopg.Error) or isinstance(error, psycopg.errors._WaitTimeout):  # noqa: SLF001 - pinned and tested
                self.give_up()
                with contextlib.suppress(psycopg.Error, RuntimeError):
                    gen.close()  # here, and not by the garbage collector, which could only complain of its last words
            raise

    def give_up(self) -> None:
        """Close at once, without a word to the server, where it may be in the middle of something."""
        pgconn = self.pgconn
        if pgconn.status == pq.ConnStatus.OK and (
            pgconn.transaction_status != pq.TransactionStatus.IDLE or pgconn.pipeline_status != pq.PipelineStatus.OFF
        ):
            pgconn.finish()
