"""Referral codes in Postgres, each call one round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.referral_stats import STATUSES, ReferralStats

if TYPE_CHECKING:
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool, Row
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.deadline import Deadline


class PostgresReferralCodes:
    """``service.referral_codes.ReferralCodeRows``; ``limit_s`` bounds each call, the deadline may tighten it."""

    def __init__(self, pool: Pool, call: Call, clock: Clock, limit_s: float) -> None:
        """Keep the parts."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self.limit_s = limit_s

    async def code_of(self, user_id: int, drawn: str, deadline: Deadline) -> str | None:
        """The user's living code, ``drawn`` where there was none; None where another was quicker or has it."""
        rows = await self._rows("referral_code", {"user_id": user_id, "drawn": drawn}, user_id, deadline)
        return str(rows[0]["code"]) if rows else None

    async def stats_of(self, user_id: int, deadline: Deadline) -> ReferralStats:
        """What the user's codes have brought."""
        row = (await self._rows("referral_stats", {"user_id": user_id}, user_id, deadline))[0]
        return ReferralStats(row["code"], {status: int(row[status]) for status in STATUSES}, row["earned"])

    async def _rows(self, name: str, parameters: dict[str, Any], user_id: int, deadline: Deadline) -> list[Row]:
        own = deadline.tightened(self._clock.monotonic_s(), self.limit_s)
        return await self._call(
            lambda: self._pool.rows(name, parameters, own.left_s(self._clock.monotonic_s())),
            key=("referrals", user_id),
            deadline=own,
            own_limit_s=self.limit_s,
            operation=name,
        )
