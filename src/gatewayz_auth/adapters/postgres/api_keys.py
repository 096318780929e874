"""API keys in Postgres, found by digest in one round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.adapters.postgres.accounts_rows import key_of
from gatewayz_auth.domain.key_holder import FoundKey, KeyHolder

if TYPE_CHECKING:
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.deadline import Deadline


class PostgresApiKeys:
    """``service.api_key_check.ApiKeys``, one statement a call; ``limit_s`` bounds each, the deadline may tighten it."""

    def __init__(self, pool: Pool, call: Call, clock: Clock, limit_s: float) -> None:
        """Keep the parts."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self.limit_s = limit_s

    async def find(self, digests: tuple[bytes, ...], deadline: Deadline) -> FoundKey | None:
        """What stands under one of ``digests``; None is said by the database alone, ``NotKnown`` raised in time."""
        own = deadline.tightened(self._clock.monotonic_s(), self.limit_s)
        rows = await self._call(
            lambda: self._pool.rows("key_by_digest", {"digests": list(digests)}, own.left_s(self._clock.monotonic_s())),
            key=digests[0],
            deadline=own,
            own_limit_s=self.limit_s,
            operation="key_by_digest",
        )
        if not rows:
            return None
        row = rows[0]
        stored = key_of(row, row["environment_tag"])
        if stored is None:  # the column is the primary key
            return None
        holder = KeyHolder(
            user_id=row["user_id"],
            key_id=stored.key_id,
            environment_tag=row["environment_tag"],
            privy_user_id=row["privy_user_id"],
            tier=row["tier"],
        )
        return FoundKey(holder, stored, is_revoked=bool(row["is_revoked"]), is_active=bool(row["is_active"]))
