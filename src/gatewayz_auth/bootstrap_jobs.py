"""Composed for ``bootstrap`` and for the worker: referrals over Postgres, and who watches how they stand."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.job_log import TASK, JobLog
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.mail_outbox import PostgresOutbox
from gatewayz_auth.adapters.postgres.pool import Pool
from gatewayz_auth.adapters.postgres.records import PostgresRecords
from gatewayz_auth.adapters.postgres.referrals import PostgresReferrals
from gatewayz_auth.domain.referrals import ReferralRules
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.service.jobs_watch import JobsWatch
from gatewayz_auth.service.referral_desk import ReferralDesk
from gatewayz_auth.service.referrals import InlineReferrals, Referrals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gatewayz_auth.adapters.figures.figures import Figures
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.ports import Accounts
    from gatewayz_auth.service.spare_time import SpareTime
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
        spare: SpareTime | None = None,
    ) -> None:
        """Compose it of parts that others own."""
        self._clock = clock
        self.mode = settings.referral_mode
        self._inline: list[InlineReferrals] = []
        self.store = PostgresReferrals(pool, call, clock, SETTLE_LIMIT_S)
        self.referrals = Referrals(self.store, rules_of(settings), JobLog(figures), clock, is_stopping, spare)
        outbox = PostgresOutbox(pool, call, clock, SETTLE_LIMIT_S)
        self.watch = JobsWatch(self.store.state, outbox.state, settings.referral_mode, clock)
        if figures is not None:
            oldest_s = self.watch.oldest_pending_s
            figures.watch("job_oldest_pending_seconds", lambda: oldest_s() or 0.0, TASK)

    def accounts(self, accounts: Accounts) -> Accounts:
        """``accounts`` as the sign-in asks them: with ``REFERRAL_MODE=inline`` a referral is done before the answer."""
        inline = InlineReferrals(accounts, self.referrals, self._clock)
        inline.is_on = self.mode == "inline"
        self._inline.append(inline)
        return inline

    def follow(self, mode: str) -> None:
        """Process referrals by ``mode`` from now on."""
        self.mode = mode
        self.watch.follow(mode)
        for inline in self._inline:
            inline.is_on = mode == "inline"


@contextlib.asynccontextmanager
async def desk(settings: Settings) -> AsyncIterator[ReferralDesk]:
    """What a command about referrals needs and no more, on two connections of its own."""
    clock = SystemClock()
    abandoned = Abandoned()
    pool = Pool(settings.database_url, max_size=2, min_size=0, clock=clock, tasks=OwnedTasks("pool", 8))
    call = GuardedCall(clock, abandoned)
    side = JobSide(settings, pool, call, clock)
    await pool.open()
    try:
        yield ReferralDesk(side.store, side.referrals, PostgresRecords(pool, call, clock, SETTLE_LIMIT_S))
    finally:
        await abandoned.close(1.0)
        await pool.close()
