"""Statements of the queue's library, run in our schema and as bounded as our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from gatewayz_auth.adapters.postgres.failures import DRIVER_ERRORS, in_our_words
from gatewayz_auth.adapters.postgres.pool import SERVER_MARGIN
from gatewayz_auth.adapters.postgres.statements import statement
from gatewayz_auth.reliability.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool, Row
    from gatewayz_auth.reliability.clock import Clock


class QueueStatements:
    """Runs a statement in one round trip within ``limit_s`` seconds; ``NotKnown`` at worst, whatever the server does.

    The search path goes along with each statement: nothing of a session is relied on, so it passes transaction poolers.
    """

    def __init__(self, pool: Pool, call: Call, clock: Clock, limit_s: float) -> None:
        """Keep the parts."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self._limit_s = limit_s

    async def __call__(self, text: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of ``text``, whose parameters are written ``%(name)s``; a dict goes as jsonb."""
        deadline = Deadline.after(self._clock.monotonic_s(), self._limit_s)
        return await self._call(
            lambda: self._run(text, parameters, deadline.left_s(self._clock.monotonic_s())),
            key="queue",
            deadline=deadline,
            own_limit_s=self._limit_s,
            operation="queue",
        )

    async def _run(self, text: str, parameters: Mapping[str, Any], limit_s: float) -> list[Row]:
        wrapped = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in parameters.items()}
        limit_ms = max(1, int(limit_s * 1000 * SERVER_MARGIN))
        try:
            async with self._pool.connection(limit_s) as connection:
                async with connection.pipeline():
                    await connection.execute(statement("limit_in_our_schema"), {"limit_ms": str(limit_ms)})
                    cursor = await connection.execute(text.encode(), wrapped)
                return await cursor.fetchall() if cursor.description is not None else []
        except DRIVER_ERRORS as error:
            raise in_our_words(error, "queue", limit_s) from None
