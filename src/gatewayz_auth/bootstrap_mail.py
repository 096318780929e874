"""Composed for the worker: the outbox, and who hands over what it owes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.postgres.mail_outbox import PostgresOutbox
from gatewayz_auth.adapters.smtp.letter_files import LetterFiles
from gatewayz_auth.adapters.smtp.mail_log import TASK, MailLog
from gatewayz_auth.adapters.smtp.mailer import SmtpMailer
from gatewayz_auth.adapters.smtp.no_server import LogMailer, NoMailer
from gatewayz_auth.adapters.smtp.server import SmtpServer
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.mail import Post

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.adapters.figures.figures import Figures
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool
    from gatewayz_auth.domain.mail import OutboxState
    from gatewayz_auth.reliability.abandoned import Abandoned
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy
    from gatewayz_auth.service.spare_time import SpareTime
    from gatewayz_auth.settings import Settings

OUTBOX_LIMIT_S = 2.0
TURN_S = 50.0
"""One turn's limit, below the lease of what it takes."""

LOOK_EVERY_S = 2.0
"""How long a mail that is owed waits at most before it is tried."""

STATE_EVERY_S = 15.0


class MailSide:
    """``post`` sends what is owed; ``run`` has it do so until it is told to stop. Nothing connects before that."""

    def __init__(  # noqa: PLR0913 - the parts it is made of
        self,
        settings: Settings,
        pool: Pool,
        call: Call,
        clock: Clock,
        entropy: Entropy,
        abandoned: Abandoned,
        figures: Figures | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
        spare: SpareTime | None = None,
    ) -> None:
        """Compose it of parts that others own; without a server mail is logged in development and refused elsewhere."""
        self._clock = clock
        self._entropy = entropy
        self._is_stopping = is_stopping
        self.outbox = PostgresOutbox(pool, call, clock, OUTBOX_LIMIT_S)
        self._mailer = _mailer_of(settings, clock, abandoned)
        self.post = Post(self.outbox, self._mailer, LetterFiles(), MailLog(figures), clock, entropy, is_stopping, spare)
        self._state: OutboxState | None = None
        self._state_s = 0.0
        if figures is not None:
            figures.watch("job_oldest_pending_seconds", self.oldest_pending_s, TASK)

    def oldest_pending_s(self) -> float:
        """For how long the oldest mail waits, as last read; 0: none does."""
        if self._state is None or self._state.oldest_s is None:
            return 0.0
        return self._state.oldest_s + self._clock.monotonic_s() - self._state_s

    async def run(self) -> None:
        """Send what is due until told to stop; a database that is away is waited for."""
        while not self._is_stopping():
            with contextlib.suppress(NotKnown):
                now_s = self._clock.monotonic_s()
                is_full = (await self.post.deliver_due(Deadline.after(now_s, TURN_S))).is_full
                if self._state is None or now_s - self._state_s > STATE_EVERY_S:
                    self._state, self._state_s = await self.outbox.state(), self._clock.monotonic_s()
                if is_full:
                    continue
            await asyncio.sleep(LOOK_EVERY_S * (0.75 + self._entropy.fraction() / 2))

    async def close(self) -> None:
        """End the connection to the server, within half a second."""
        await self._mailer.close()


def _mailer_of(settings: Settings, clock: Clock, abandoned: Abandoned) -> SmtpMailer | LogMailer | NoMailer:
    if settings.smtp_url and settings.mail_from:
        return SmtpMailer(SmtpServer.parse(settings.smtp_url), settings.mail_from, clock, abandoned)
    return LogMailer() if settings.dev else NoMailer()
