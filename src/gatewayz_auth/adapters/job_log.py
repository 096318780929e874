"""What the background work says of itself: the contract's words (section 6), and its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gatewayz_auth.domain.referral_codes import may_be_code
from gatewayz_auth.domain.referrals import Status

if TYPE_CHECKING:
    from gatewayz_auth.adapters.figures.figures import Figures
    from gatewayz_auth.domain.errors import NotKnown
    from gatewayz_auth.domain.referrals import Verdict

TASK = "referral"


class JobLog:
    """``service.referrals.ReferralObserver``; writes no code that could be something else, such as an address."""

    def __init__(self, figures: Figures | None = None) -> None:
        """Write through structlog, as configured, and add up in ``figures``."""
        self._figures = figures
        self._log = structlog.get_logger()

    def settled(self, verdict: Verdict) -> None:
        """Say what became of one referral."""
        self._processing(verdict)
        user_id, reason = verdict.referred_user_id, verdict.reason
        facts = {"referral_id": verdict.referral_id, "user_id": user_id}
        if verdict.status is Status.REWARDED:
            self._count("done")
            self._log.info(f"Background task: Valid referral code processed for user {user_id}", **facts)
        elif verdict.status is Status.REFUSED:
            self._count(f"refused_{reason}")
            self._log.info(f"Background task: Referral code refused for user {user_id}", reason=reason, **facts)
        else:
            self._count("failed")
            self._log.error(f"Background task: Referral given up for user {user_id}", reason=reason, **facts)

    def not_settled(self, verdict: Verdict, error: NotKnown) -> None:
        """Say that an attempt failed and another follows."""
        self._processing(verdict)
        self._count("retried")
        self._log.warning(
            f"Background task: Referral not processed for user {verdict.referred_user_id}, tried again later",
            referral_id=verdict.referral_id,
            user_id=verdict.referred_user_id,
            error=str(error),
        )

    def set_done(self, count: int, took_s: float) -> None:
        """Count how long a set took; each of its referrals took that long."""
        if self._figures is not None:
            self._figures.observe("job_duration_seconds", took_s, TASK)
        self._log.debug("Background task: Set of referrals processed", count=count, took_s=round(took_s, 4))

    def _processing(self, verdict: Verdict) -> None:
        code = verdict.referral_code if may_be_code(verdict.referral_code) else "…"
        self._log.info(
            f"Background task: Processing referral code '{code}' for user {verdict.referred_user_id}",
            referral_id=verdict.referral_id,
            user_id=verdict.referred_user_id,
        )

    def _count(self, result: str) -> None:
        if self._figures is not None:
            self._figures.count("job_total", TASK, result)
