"""The worker's composition root: everything of one process that works referrals and mail off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from gatewayz_auth.adapters.figures import merging
from gatewayz_auth.adapters.figures.figures import Figures
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.directory import PostgresDirectory
from gatewayz_auth.adapters.postgres.migrate import NEWEST
from gatewayz_auth.adapters.postgres.pool import Pool
from gatewayz_auth.adapters.postgres.queue_statements import QueueStatements
from gatewayz_auth.adapters.procrastinate.queue import SETTLE_REFERRALS, Queue
from gatewayz_auth.adapters.prometheus import page
from gatewayz_auth.adapters.told import Told
from gatewayz_auth.bootstrap_jobs import JobSide
from gatewayz_auth.bootstrap_mail import MailSide
from gatewayz_auth.bootstrap_runtime import RuntimeSide
from gatewayz_auth.bootstrap_telemetry import Heard, tracing_of
from gatewayz_auth.domain.errors import NotKnown, StartupError
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.backoff import Backoff
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.reliability.supervisor import Supervisor
from gatewayz_auth.service.jobs_watch import READ_EVERY_S
from gatewayz_auth.service.spare_time import SpareTime
from gatewayz_auth.web.worker_probes import worker_probes

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from gatewayz_auth.adapters.logs import Logs
    from gatewayz_auth.service.runtime_settings import Effective
    from gatewayz_auth.settings import Settings

CONNECTIONS = 4
QUEUE_LIMIT_S = 2.0
SWEEP_EVERY_S = 2.0
"""How long a referral that no job came for waits at most, and how soon all goes on after an outage."""

READY_WITHIN_S = 3 * READ_EVERY_S
STOP_LIMIT_S = 6.0
CLOSE_LIMIT_S = 1.0


class Worker:
    """Works off what is due, until ``stop``; several share the work, on as many hosts as one likes."""

    def __init__(self, settings: Settings, running_logs: Logs) -> None:
        """Compose it of ``settings``; nothing runs before ``run``."""
        self._settings = settings
        self._logs = running_logs
        self._log = structlog.get_logger()
        self._clock = clock = SystemClock()
        self._entropy = entropy = SystemEntropy()
        self._figures = Figures(clock)
        told = Told(lambda: None)
        self._tracing = tracing = tracing_of(settings, clock, "gatewayz-auth-worker")
        self._abandoned = Abandoned(Heard(self._figures, told, tracing).hear)
        call = GuardedCall(clock, self._abandoned)
        self._pool = Pool(settings.database_url, max_size=CONNECTIONS, clock=clock, tasks=OwnedTasks("pool", 16))
        self._directory = PostgresDirectory(self._pool, call, clock, QUEUE_LIMIT_S)
        self._stopping = asyncio.Event()
        spare = SpareTime(clock)
        self.jobs = JobSide(settings, self._pool, call, clock, self._figures, self._stopping.is_set, spare)
        self._queue = Queue(
            QueueStatements(self._pool, call, clock, QUEUE_LIMIT_S),
            {SETTLE_REFERRALS: self._drain},
            entropy,
            *(() if tracing is None else (tracing.job,)),
        )
        self._mail = MailSide(
            settings, self._pool, call, clock, entropy, self._abandoned, self._figures, self._stopping.is_set, spare
        )
        self._runtime = RuntimeSide(
            settings, self._pool, call, clock, self._follow, self._log, self.jobs.watch.silent_for_s
        )
        self._tasks = OwnedTasks("worker", 1)
        self._stopped: asyncio.Task[bool] | None = None
        self._working = Supervisor(entropy, told.hear, backoff=Backoff(cap_s=1.0))
        self._watching = Supervisor(entropy, told.hear)

    def stop(self) -> None:
        """Take no more; ``run`` returns within ten seconds."""
        self._stopping.set()
        self._queue.stop()

    def probes(self) -> ASGIApp:
        """``/livez``, ``/readyz`` and ``/metrics`` of this process."""
        return worker_probes(lambda: self.jobs.watch.silent_for_s() < READY_WITHIN_S, self._metrics)

    async def run(self) -> None:
        """Work until ``stop``; a database that is away is waited for, one that does not fit is refused."""
        await self._pool.open()
        self._stopped = stopped = self._tasks.spawn(self._stopping.wait(), "stop")
        try:
            await self._check_schema()
            await self._runtime.start()
            self._watching.start("follow settings", self._runtime.run)
            self._watching.start("watch jobs", self.jobs.watch.run)
            self._working.start("mail", self._mail.run)
            if self._settings.referral_mode != "nightly":
                self._watching.start("take over jobs", self._queue.keep_taking_over)
                self._working.start("queue", self._queue.run)
                self._working.start("sweep", self._sweep)
            await stopped
            await self._working.join(STOP_LIMIT_S)
        finally:
            await self._close()

    async def _check_schema(self) -> None:
        try:
            version = await self._directory.schema_version()
        except NotKnown:
            self._log.warning("The database does not answer: the worker waits for it")
            return
        if version < NEWEST:
            raise StartupError(
                f"The database is at schema version {version} of {NEWEST}: run `gatewayz-auth migrate` first."
            )

    def _follow(self, _: Effective, settings: Settings) -> None:
        self.jobs.follow(settings.referral_mode)
        self._logs.write_from(settings.log_level)

    async def _drain(self) -> int:
        """Work off what is due, unless it was said meanwhile that it waits for the night."""
        return 0 if self.jobs.mode == "nightly" else await self.jobs.referrals.drain()

    async def _sweep(self) -> None:
        """Work off what no job came for: the rows are the truth."""
        while not self._stopping.is_set():
            await self._drain()
            await self._pause(SWEEP_EVERY_S * (0.75 + self._entropy.fraction() / 2))

    async def _pause(self, length_s: float) -> None:
        """Wait for so long, or for the end."""
        if self._stopped is not None:
            await asyncio.wait((self._stopped,), timeout=length_s)

    async def _metrics(self) -> bytes:
        now_s = self._clock.utc_now_s()
        return page(merging.totals([self._figures.snapshot()], {}, 0, now_s))

    async def _close(self) -> None:
        await self._tasks.close(CLOSE_LIMIT_S)
        await self._working.close(CLOSE_LIMIT_S)
        await self._watching.close(CLOSE_LIMIT_S)
        await self._mail.close()
        await self._abandoned.close(CLOSE_LIMIT_S)
        await self._pool.close()
        if self._tracing is not None:
            self._tracing.close(CLOSE_LIMIT_S)
        self._logs.writer.close()
