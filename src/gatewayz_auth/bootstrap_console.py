"""Composed for ``bootstrap``: what operators see and do, over connections of their own, so that it costs no sign-in."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayz_auth import __version__
from gatewayz_auth.adapters.drill_report import LAST_DRILL, last_drill
from gatewayz_auth.adapters.kept_logs import KeptLogs
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.directory import PostgresDirectory
from gatewayz_auth.adapters.postgres.mail_outbox import PostgresOutbox
from gatewayz_auth.adapters.postgres.pool import Pool
from gatewayz_auth.adapters.postgres.records import PostgresRecords
from gatewayz_auth.adapters.postgres.referrals import PostgresReferrals
from gatewayz_auth.adapters.postgres.runtime_settings import PostgresRuntime
from gatewayz_auth.adapters.threads import BoundedThreads
from gatewayz_auth.domain.errors import Overloaded
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.bulkhead import Bulkhead
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.service.audited_people import AuditedPeople
from gatewayz_auth.service.desk import Desk
from gatewayz_auth.service.dossier import Dossiers, RecentSignIns
from gatewayz_auth.service.erasure import Erasure
from gatewayz_auth.service.jobs_seen import JobsLook
from gatewayz_auth.service.people import People
from gatewayz_auth.service.referral_desk import ReferralDesk
from gatewayz_auth.service.runtime_settings import effective
from gatewayz_auth.service.steered_words import steered_in_words
from gatewayz_auth.service.steering_desk import SteeringDesk
from gatewayz_auth.service.steering_seen import SettingSeen, Steering
from gatewayz_auth.service.view import Local, View
from gatewayz_auth.settings import load_environment
from gatewayz_auth.settings.listing import listing
from gatewayz_auth.settings.live import check
from gatewayz_auth.web.console import APIRouter, Door, Live, Sessions, console_routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from gatewayz_auth.adapters.privy.signing_keys import SigningKeys
    from gatewayz_auth.adapters.redis.cache import RedisCache
    from gatewayz_auth.adapters.sign_in_log import SignInLog
    from gatewayz_auth.bootstrap_telemetry import Telemetry
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy
    from gatewayz_auth.service.auth_cache import AuthCache
    from gatewayz_auth.service.jobs_watch import JobsWatch
    from gatewayz_auth.service.live_settings import Live as LiveSettings
    from gatewayz_auth.service.referrals import Referrals
    from gatewayz_auth.service.runtime_settings import Runtime
    from gatewayz_auth.service.sign_in_report import SignInReport
    from gatewayz_auth.settings import Settings
    from gatewayz_auth.settings.listing import Listed

LINK_KEY = "GATEWAYZ_AUTH_CONSOLE_KEY"
"""The variable by which ``serve --dev`` tells its workers the key of the link it prints."""

CONNECTIONS = 2
"""The console's own, per process, made when somebody looks a person up and no sooner."""

CALLS = 4
DISK_LIMIT_S = 0.5
LIMIT_S = 1.5


class ConsoleSide:
    """``desk``, ``programs`` and ``view``, and the routes over them; its calls have a pool and a queue of their own."""

    def __init__(  # noqa: PLR0913 - the parts it looks at
        self,
        settings: Settings,
        cache: AuthCache,
        shared: RedisCache | None,
        telemetry: Telemetry,
        keys: SigningKeys,
        names: SignInLog,
        silent_for_s: Callable[[], float],
        refuses: Callable[[], bool],
        shared_knows: Callable[[], bool],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Compose it; nothing connects before somebody asks."""
        self._abandoned = Abandoned()
        self._tasks = OwnedTasks("console pool", 16)
        self._pool = Pool(settings.database_url, max_size=CONNECTIONS, min_size=0, clock=clock, tasks=self._tasks)
        call = GuardedCall(clock, self._abandoned)
        directory = PostgresDirectory(self._pool, call, clock, LIMIT_S)
        records = PostgresRecords(self._pool, call, clock, LIMIT_S)
        people = People(directory, shared, names, clock)
        self.programs = AuditedPeople(directory, shared, names, clock, records)
        logs = KeptLogs(Path(settings.log_file) if settings.log_file else None)
        self.recent = RecentSignIns(clock)
        dossiers = Dossiers(
            people, records, cache.process, shared, lambda: cache.policy, self.recent, logs.sign_ins_of, clock
        )
        self.desk = Desk(people, dossiers, records, Erasure(directory, records, shared, logs), records)
        local = Local(
            version=__version__,
            region=settings.region,
            environment="development" if settings.dev else "production",
            budget_s=settings.auth_query_timeout_s,
            patience_s=settings.lookup_patience_s,
            has_redis=shared is not None,
            started_s=clock.utc_now_s(),
            ttl_s=lambda: cache.policy.ttl_s,
            keeps_s=lambda: cache.policy.last_known_good_max_age_s,
            silent_for_s=silent_for_s,
            refuses=refuses,
            shared_knows=shared_knows,
            keys_failing_since_s=lambda: keys.failing_since_s,
            keys_known=lambda: keys.known,
        )
        self.view = View(telemetry.sight, local, clock)
        telemetry.figures.watch("last_known_good_age_seconds", self.recent.oldest_given_s)
        link_key = os.environ.get(LINK_KEY) if settings.dev else None
        self._door = Door(
            Sessions(settings.admin_token, link_key, clock, entropy),
            self.desk,
            Bulkhead("console", CALLS, clock),
            clock,
        )
        self._live = Live(self.view, clock)
        self._settings = settings
        self._call = call
        self._records = records
        self._silent_for_s = silent_for_s
        self._clock = clock
        self._disk = BoundedThreads("drill report", 1)
        self._steering: Steering | None = None

    def steer(
        self,
        live: LiveSettings,
        seen: Callable[[], Awaitable[Mapping[str, Any]]],
        watch: JobsWatch,
        referrals: Referrals,
    ) -> None:
        """Show what may be changed while running, and the jobs; both are changed over the console's own connections."""
        pool, call, clock, silent_for_s = self._pool, self._call, self._clock, self._silent_for_s
        self.view.jobs = watch.seen
        self.view.steered = lambda: steered_in_words(live.runtime, live.here, clock.utc_now_s())
        environ, rows = load_environment(Path.cwd()), listing(Path.cwd(), {}, {})
        store = PostgresReferrals(pool, call, clock, LIMIT_S)

        def check_changes(runtime: Runtime, now_s: float) -> None:
            check(self._settings, environ, effective(runtime, None, now_s).settings)

        def heard(runtime: Runtime) -> None:
            live.heard(runtime, live.here)

        self._steering = Steering(
            SteeringDesk(PostgresRuntime(pool, call, clock, LIMIT_S), check_changes, seen, heard, clock),
            ReferralDesk(store, referrals, self._records),
            JobsLook(store, PostgresOutbox(pool, call, clock, LIMIT_S), watch, silent_for_s, clock),
            live,
            seen,
            lambda changes: [_seen(row, changes) for row in rows],
            silent_for_s,
            clock,
        )

    async def look(self, also: Callable[[], None]) -> None:
        """Look once a second, for ever, so that what is slow is told from what is usual; ``also`` looks then too."""
        while True:
            self.view.tick()
            also()
            await asyncio.sleep(1.0)

    def report(self, also: Callable[[SignInReport], None]) -> Callable[[SignInReport], None]:
        """What hears of each answered sign-in: remembered for the person's page, then told to ``also``."""
        heard = self.recent.heard

        def both(report: SignInReport) -> None:
            heard(report)
            also(report)

        return both

    def routes(self) -> APIRouter:
        """Every route below ``/console``, and ``/figures``."""
        return console_routes(self._door, self._live, self._steering, self._last_drill)

    async def _last_drill(self) -> dict[str, str] | None:
        """What the last drill found, as far as the disk says so in time."""
        try:
            reading = asyncio.wrap_future(self._disk.submit(lambda: last_drill(LAST_DRILL)))
        except Overloaded:
            return None
        await asyncio.wait((reading,), timeout=DISK_LIMIT_S)
        return reading.result() if reading.done() else None

    async def close(self, limit_s: float) -> None:
        """Let go of the connections, within ``limit_s`` seconds."""
        await self._abandoned.close(limit_s / 2)
        await self._pool.close()
        await self._tasks.close(limit_s / 2)


def _seen(row: Listed, changes: Mapping[str, str]) -> SettingSeen:
    is_changed = row.name in changes
    value, source = (changes[row.name], "runtime") if is_changed else (row.value, row.source)
    return SettingSeen(row.name, value, source, row.range, row.tunes)
