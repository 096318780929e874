"""The queue as a worker of ours uses it: fetches jobs, gives back what it cannot finish, takes over from the dead."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import procrastinate
from procrastinate.jobs import DeleteJobCondition
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.worker import Worker

from gatewayz_auth.adapters.procrastinate.connector import BoundedConnector
from gatewayz_auth.domain.errors import NotKnown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractContextManager

    from procrastinate.jobs import Job

    from gatewayz_auth.adapters.procrastinate.connector import Execute
    from gatewayz_auth.reliability.entropy import Entropy

    Work = Callable[[], Awaitable[object]]
    Traced = Callable[[str, str | None], AbstractContextManager[None]]

QUEUE = "referrals"
SETTLE_REFERRALS = "settle_referrals"
"""The one task that the database itself defers (migration 0008)."""

POLL_EVERY_S = 0.5
HEARTBEAT_EVERY_S = 10.0
DEAD_AFTER_S = 30.0
TAKE_OVER_EVERY_S = 10.0
"""With a poll on top, the jobs of a worker that died are at work again within 45 s."""

FINISH_LIMIT_S = 4.0
"""How long a job under way is waited for at the end; then it is given back."""

MAX_ATTEMPTS = 5
RETRY_AFTER_S = 1.0
RETRY_LONGEST_S = 60.0


class _Retry(BaseRetryStrategy):
    """Twice as long each time, spread by half to both sides; after ``MAX_ATTEMPTS`` a person decides."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002 - procrastinate's own signature
        if job.attempts >= MAX_ATTEMPTS:
            return None
        wait_s = min(RETRY_LONGEST_S, RETRY_AFTER_S * 2**job.attempts) * (0.5 + self._entropy.fraction())
        return RetryDecision(retry_in={"seconds": wait_s})


def _untraced(_name: str, _traceparent: str | None) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


class Queue:
    """Runs ``tasks`` (by name) as jobs ask for it; ``execute`` is how it reaches the database."""

    def __init__(
        self,
        execute: Execute,
        tasks: Mapping[str, Callable[[], Awaitable[object]]],
        entropy: Entropy,
        traced: Traced = _untraced,
    ) -> None:
        """Keep the parts; nothing is asked before ``run``. ``traced`` stands around each job."""
        self._app = procrastinate.App(connector=BoundedConnector(execute))
        for name, work in tasks.items():
            self._app.task(name=name, queue=QUEUE, retry=_Retry(entropy))(_as_task(name, work, traced))
        self._worker: Worker | None = None
        self._is_stopped = False

    async def run(self) -> None:
        """Work until ``stop``; raises where it ended by itself, for a supervisor to start it again."""
        if self._is_stopped:
            return
        self._worker = worker = Worker(
            app=self._app,
            queues=[QUEUE],
            fetch_job_polling_interval=POLL_EVERY_S,
            shutdown_graceful_timeout=FINISH_LIMIT_S,
            listen_notify=False,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_EVERY_S,
            stalled_worker_timeout=DEAD_AFTER_S,
        )
        await worker.run()  # type: ignore[no-untyped-call]
        if not self._is_stopped:
            raise RuntimeError("the queue's worker ended by itself")

    def stop(self) -> None:
        """Take no more jobs; ``run`` returns when the one under way has ended or was given back."""
        self._is_stopped = True
        if self._worker is not None:
            self._worker.stop()  # type: ignore[no-untyped-call]

    async def take_over(self) -> int:
        """Put jobs of workers that died back into the queue; how many. ``NotKnown`` where the database is away."""
        manager = self._app.job_manager
        count = 0
        for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=DEAD_AFTER_S):
            await manager.retry_job(job)
            count += 1
        await manager.prune_stalled_workers(DEAD_AFTER_S)
        return count

    async def keep_taking_over(self) -> None:
        """Do so every ``TAKE_OVER_EVERY_S`` seconds, for ever."""
        while True:
            await asyncio.sleep(TAKE_OVER_EVERY_S)
            try:
                await self.take_over()
            except NotKnown:  # the next turn will do
                continue


def _as_task(name: str, work: Work, traced: Traced) -> Callable[..., Awaitable[None]]:
    async def task(traceparent: str | None = None) -> None:
        with traced(name, traceparent):
            await work()

    return task
