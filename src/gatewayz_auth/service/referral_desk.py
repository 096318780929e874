"""What operators do about referrals: look, work them off, try failed ones again, take a reward back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.service.audit import WHO_LENGTH, without_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.domain.referrals import Referral, Status, Verdict
    from gatewayz_auth.service.audit import AuditLog
    from gatewayz_auth.service.referrals import Referrals

PAGE = 500
"""Rows that one statement reads or changes, so that none takes long however many there are."""


class ReferralRecords(Protocol):
    """The rows as operators see them; each call ends in time, in ``NotKnown`` at worst."""

    async def listed(self, status: Status | None, limit: int, before_id: int | None = None) -> tuple[Referral, ...]:
        """At most ``limit`` referrals, newest first, those below ``before_id``."""
        ...

    async def by_id(self, referral_id: int) -> Referral | None:
        """The referral of an id."""
        ...

    async def retry(self, referral_id: int | None, limit: int) -> int:
        """Have failed referrals tried again: the one, or at most ``limit``; how many that were."""
        ...

    async def reverse(self, referral_id: int, why: str) -> Verdict | None:
        """Take back what a referral has paid; its row as it is then."""
        ...


class ReferralDesk:
    """Changes are written down in the audit log first; without it nothing is done."""

    def __init__(self, records: ReferralRecords, referrals: Referrals, audit: AuditLog) -> None:
        """Keep the parts."""
        self._records = records
        self._referrals = referrals
        self._audit = audit

    async def listed(self, status: Status | None, most: int) -> tuple[Referral, ...]:
        """At most ``most`` referrals, newest first."""
        found: list[Referral] = []
        while len(found) < most:
            before_id = found[-1].referral_id if found else None
            page = await self._records.listed(status, min(PAGE, most - len(found)), before_id)
            found += page
            if len(page) < PAGE:
                break
        return tuple(found)

    async def show(self, referral_id: int) -> Referral | None:
        """The referral of an id; None where there is none."""
        return await self._records.by_id(referral_id)

    async def sync(self, progress: Callable[[int], None]) -> int:
        """Work off everything that is due, as a worker does; how many were settled."""
        return await self._referrals.drain(progress)

    async def retry(self, who: str, referral_id: int | None, progress: Callable[[int], None], why: str = "") -> int:
        """Have failed referrals tried again, one or all; how many."""
        subject = "all failed referrals" if referral_id is None else f"referral {referral_id}"
        await self._audit.add(who[:WHO_LENGTH], "retry", subject, without_names(why))
        done = 0
        while (count := await self._records.retry(referral_id, PAGE)) > 0:
            done += count
            progress(done)
            if count < PAGE:
                break
        return done

    async def reverse(self, who: str, referral_id: int, why: str) -> Verdict | None:
        """Take back what a referral has paid both sides, once; None where there is none of this id."""
        reason = without_names(why)
        await self._audit.add(who[:WHO_LENGTH], "reverse", f"referral {referral_id}", reason)
        return await self._records.reverse(referral_id, reason)
