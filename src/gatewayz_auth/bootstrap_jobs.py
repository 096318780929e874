"""Composed for ``bootstrap`` and for the worker: referrals over Postgres, and who watches how they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.adapters.job_log import JobLog
from gatewayz_auth.adapters.postgres.referrals import PostgresReferrals
from gatewayz_auth.domain.referrals import ReferralRules
from gatewayz_auth.service.jobs_watch import JobsWatch
from gatewayz_auth.service.referrals import InlineReferrals, Referrals

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.adapters.figures.figures import Figures
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.ports import Accounts
    from gatewayz_auth.settings import Settings

SETTLE_LIMIT_S = 5.0
"""One set's limit; it takes some 50 ms where all is well."""


def rules_of(settings: Settings) -> ReferralRules:
    """What a referral is worth and what bounds it, by ``settings``."""
    return ReferralRules(max_uses=settings.referral_code_max_uses, daily_cap=settings.referral_daily_cap)


class JobSide:
    """``store`` (the rows), ``referrals`` (works them off) and ``watch`` (how they stand)."""

    def __init__(  # noqa: PLR0913 - the parts it is made of
        self,
        settings: Settings,
        pool: Pool,
        call: Call,
        clock: Clock,
        figures: Figures | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Compose it of parts that others own."""
        self._clock = clock
        self._is_inline = settings.referral_mode == "inline"
        self.store = PostgresReferrals(pool, call, clock, SETTLE_LIMIT_S)
        self.referrals = Referrals(self.store, rules_of(settings), JobLog(figures), clock, is_stopping)
        self.watch = JobsWatch(self.store.state, settings.referral_mode, clock)

    def accounts(self, accounts: Accounts) -> Accounts:
        """``accounts`` as the sign-in asks them: with ``REFERRAL_MODE=inline`` a referral is done before the answer."""
        return InlineReferrals(accounts, self.referrals, self._clock) if self._is_inline else accounts
