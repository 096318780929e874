"""The outbox in Postgres, each call one round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.mail import OutboxState, OwedMail
from gatewayz_auth.reliability.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool, Row
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.mail import Settled


class PostgresOutbox:
    """``service.mail.Outbox``; ``limit_s`` bounds each call, the deadline may tighten it."""

    def __init__(self, pool: Pool, call: Call, clock: Clock, limit_s: float) -> None:
        """Keep the parts."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self._limit_s = limit_s

    async def take(self, limit: int, lease_s: float, deadline: Deadline) -> tuple[OwedMail, ...]:
        """Mails that are due, the longest owed first; nobody else is given them for ``lease_s`` seconds."""
        rows = await self._rows("mail_take", {"limit": limit, "lease_s": lease_s}, deadline)
        return tuple(_owed(row) for row in rows)

    async def settle(self, settled: Sequence[Settled], deadline: Deadline) -> None:
        """Write down what became of them; one that somebody else has taken meanwhile is left as it is."""
        parameters = {
            "ids": [one.mail_id for one in settled],
            "attempts": [one.attempts for one in settled],
            "statuses": [one.status for one in settled],
            "reasons": [one.reason for one in settled],
            "due_in_s": [one.due_in_s for one in settled],
            "is_counted": [one.is_counted for one in settled],
        }
        await self._rows("mail_settle", parameters, deadline)

    async def state(self) -> OutboxState:
        """How the outbox stands."""
        deadline = Deadline.after(self._clock.monotonic_s(), self._limit_s)
        row = (await self._rows("mail_state", {}, deadline))[0]
        return OutboxState(row["waiting"], row["oldest_s"], row["failed"])

    async def _rows(self, name: str, parameters: dict[str, Any], deadline: Deadline) -> list[Row]:
        own = deadline.tightened(self._clock.monotonic_s(), self._limit_s)
        return await self._call(
            lambda: self._pool.rows(name, parameters, own.left_s(self._clock.monotonic_s())),
            key="mail",
            deadline=own,
            own_limit_s=self._limit_s,
            operation=name,
        )


def _owed(row: Row) -> OwedMail:
    arguments = row["arguments"]
    return OwedMail(**{**row, "arguments": arguments if isinstance(arguments, dict) else {}})
