"""Referrals in Postgres: judged and paid by one function, listed and put right by operators."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.referrals import ByStatus, JobsState, Referral, Status, Verdict
from gatewayz_auth.reliability.deadline import Deadline

if TYPE_CHECKING:
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool, Row
    from gatewayz_auth.domain.referrals import ReferralRules
    from gatewayz_auth.reliability.clock import Clock

WORKER_SILENT_S = 30.0
"""A worker that has not been heard of for so long is taken for dead."""

_TIMES = ("created_at", "settled_at", "next_try_at")


class PostgresReferrals:
    """``service.referrals.ReferralStore`` and ``service.referral_desk.Desk``; each call ends within ``limit_s``."""

    def __init__(self, pool: Pool, call: Call, clock: Clock, limit_s: float) -> None:
        """Keep the parts."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self._limit_s = limit_s

    async def settle(self, limit: int, rules: ReferralRules) -> tuple[Verdict, ...]:
        """Judge and pay at most ``limit`` referrals that are due."""
        return _verdicts(await self._rows("settle_referrals", _of(rules, limit=limit)))

    async def settle_of(self, user_id: int, rules: ReferralRules, deadline: Deadline) -> tuple[Verdict, ...]:
        """Judge and pay the referral of a newcomer, within ``deadline``."""
        return _verdicts(await self._rows("settle_referrals", _of(rules, referred_user_id=user_id), deadline))

    async def try_next(self, rules: ReferralRules) -> Verdict | None:
        """Count an attempt at the next one that is due."""
        parameters = {"max_attempts": rules.max_attempts, "retry_after_s": rules.retry_after_s}
        verdicts = _verdicts(await self._rows("try_referral", parameters))
        return verdicts[0] if verdicts else None

    async def settle_alone(self, referral_id: int, rules: ReferralRules) -> tuple[Verdict, ...]:
        """Judge and pay this one alone."""
        return _verdicts(await self._rows("settle_referrals", _of(rules, referral_id=referral_id)))

    async def note(self, referral_id: int, reason: str) -> None:
        """Keep why an attempt did not succeed."""
        await self._rows("note_referral", {"referral_id": referral_id, "reason": reason})

    async def listed(self, status: Status | None, limit: int, before_id: int | None = None) -> tuple[Referral, ...]:
        """At most ``limit`` referrals, newest first, those below ``before_id``."""
        parameters = {"status": status, "before_id": before_id, "referral_id": None, "limit": limit}
        return tuple(_referral(row) for row in await self._rows("referrals_listed", parameters))

    async def by_id(self, referral_id: int) -> Referral | None:
        """The referral of an id; None is said by the database alone."""
        parameters = {"status": None, "before_id": None, "referral_id": referral_id, "limit": 1}
        rows = await self._rows("referrals_listed", parameters)
        return _referral(rows[0]) if rows else None

    async def retry(self, referral_id: int | None, limit: int) -> int:
        """Have failed referrals tried again: the one, or at most ``limit``; how many that were."""
        return len(await self._rows("retry_referrals", {"referral_id": referral_id, "limit": limit}))

    async def reverse(self, referral_id: int, why: str) -> Verdict | None:
        """Take back what a referral has paid; None where there is none of this id."""
        verdicts = _verdicts(await self._rows("reverse_referral", {"referral_id": referral_id, "why": why}))
        return verdicts[0] if verdicts else None

    async def state(self) -> JobsState:
        """How the background work stands."""
        row = (await self._rows("jobs_state", {"silent_s": WORKER_SILENT_S}))[0]
        return JobsState(row["oldest_pending_s"], row["pending"], row["failed"], row["workers"])

    async def by_status(self) -> ByStatus:
        """How many there are of each status."""
        row = (await self._rows("jobs_by_status", {}))[0]
        return ByStatus(row["referrals"], row["queue"], row["worker_silent_s"])

    async def _rows(self, name: str, parameters: dict[str, Any], deadline: Deadline | None = None) -> list[Row]:
        until = deadline or Deadline.after(self._clock.monotonic_s(), self._limit_s)
        return await self._call(
            lambda: self._pool.rows(name, parameters, until.limit_s(self._clock.monotonic_s(), self._limit_s)),
            key="referrals",
            deadline=until,
            own_limit_s=self._limit_s,
            operation=name,
        )


def _of(
    rules: ReferralRules, *, limit: int = 1, referred_user_id: int | None = None, referral_id: int | None = None
) -> dict[str, Any]:
    return {
        "limit": limit,
        "referrer_credits": rules.referrer_credits,
        "referred_credits": rules.referred_credits,
        "max_uses": rules.max_uses,
        "daily_cap": rules.daily_cap,
        "referred_user_id": referred_user_id,
        "referral_id": referral_id,
    }


def _verdicts(rows: list[Row]) -> tuple[Verdict, ...]:
    return tuple(Verdict(**{**row, "status": Status(row["status"])}) for row in rows)


def _referral(row: Row) -> Referral:
    times = {name: row[name] and row[name].astimezone(dt.UTC) for name in _TIMES}
    return Referral(**{**row, **times, "status": Status(row["status"])})
