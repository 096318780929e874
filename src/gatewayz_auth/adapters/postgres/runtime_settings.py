"""The one row of what operators have changed while running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.runtime_settings import Runtime, runtime_of

if TYPE_CHECKING:
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool, Row
    from gatewayz_auth.reliability.clock import Clock


class PostgresRuntime:
    """``service.runtime_settings.RuntimeStore``; ``NotKnown`` within ``limit_s`` seconds at worst."""

    def __init__(self, pool: Pool, call: Call, clock: Clock, limit_s: float) -> None:
        """Keep the parts."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self._limit_s = limit_s

    async def read(self) -> Runtime:
        """What the row says now; nothing where there is none."""
        rows = await self._rows("runtime", {})
        return runtime_of(rows[0]["version"], rows[0]["document"]) if rows else Runtime()

    async def change(self, after: Runtime, who: str, what: str, subject: str, why: str) -> bool:
        """Put ``after`` in place of the version that it was made from, audited; False where somebody was quicker."""
        document = orjson.dumps(after.as_json()).decode()
        noted = {"who": who, "what": what, "subject": subject, "why": why}
        return bool(await self._rows("change_runtime", {"version": after.version, "document": document} | noted))

    async def note(self, who: str, what: str, subject: str, why: str) -> None:
        """Write into the audit log alone: what was done while the database was away."""
        await self._rows("add_audit", {"who": who, "what": what, "subject": subject, "why": why})

    async def trip_s(self) -> float:
        """How long the shortest question takes there and back, in seconds."""
        began_s = self._clock.monotonic_s()
        await self._rows("ping", {})
        return self._clock.monotonic_s() - began_s

    async def change_pace(self) -> tuple[int, int]:
        """Changes of people's data in the last five minutes, and about how many people there are."""
        row = (await self._rows("change_pace", {}))[0]
        return int(row["changes"]), int(row["people"])

    async def _rows(self, name: str, parameters: dict[str, Any]) -> list[Row]:
        deadline = Deadline.after(self._clock.monotonic_s(), self._limit_s)
        return await self._call(
            lambda: self._pool.rows(name, parameters, deadline.left_s(self._clock.monotonic_s())),
            key="runtime",
            deadline=deadline,
            own_limit_s=self._limit_s,
            operation=name,
        )
