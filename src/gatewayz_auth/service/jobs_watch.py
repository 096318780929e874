"""How the background work stands, read now and then behind everybody's back: a probe asks no neighbour."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.service.health import Check, Status
from gatewayz_auth.service.jobs_words import jobs_in_words
from gatewayz_auth.service.situation import span
from gatewayz_auth.service.snapshot import Jobs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.domain.mail import OutboxState
    from gatewayz_auth.domain.referrals import JobsState
    from gatewayz_auth.reliability.clock import Clock

READ_EVERY_S = 5.0
AGAIN_S = 1.0
"""So soon it is read again where the database did not say."""

LATE_S = 2.0
"""A reading that is so late does not come soon: what was read before is of the past."""

UNKNOWN_AFTER_S = 30.0
BEHIND_AFTER_S = 120.0
"""An oldest referral that waits for longer says that nobody works them off."""

BEHIND_AFTER_NIGHTLY_S = 26 * 3600.0

MAIL_BEHIND_AFTER_S = 900.0
"""By then a mail was tried five times: it is not one server that wants to be asked again."""


class JobsWatch:
    """Keeps the last states of referrals and mail; ``mode`` is ``REFERRAL_MODE``, which says what is late."""

    def __init__(
        self,
        read: Callable[[], Awaitable[JobsState]],
        read_mail: Callable[[], Awaitable[OutboxState]],
        mode: str,
        clock: Clock,
    ) -> None:
        """Know nothing yet."""
        self._read = read
        self._read_mail = read_mail
        self.follow(mode)
        self._clock = clock
        self._began_s = clock.monotonic_s()
        self._heard_s: float | None = None
        self._state: JobsState | None = None
        self._mail: OutboxState | None = None
        self._is_failing = False

    def follow(self, mode: str) -> None:
        """Judge what is late by ``mode`` from now on."""
        self._behind_after_s = BEHIND_AFTER_NIGHTLY_S if mode == "nightly" else BEHIND_AFTER_S

    @property
    def state(self) -> JobsState | None:
        """What was read last; None: nothing yet."""
        return self._state

    @property
    def mail(self) -> OutboxState | None:
        """How the outbox stood at the same time; None: nothing was read yet."""
        return self._mail

    def silent_for_s(self) -> float:
        """Seconds since the database last said how it stands."""
        return self._clock.monotonic_s() - (self._began_s if self._heard_s is None else self._heard_s)

    def oldest_pending_s(self) -> float | None:
        """For how long the oldest referral waits, as far as is known; None: none does."""
        return None if self._state is None else self._grown(self._state.oldest_pending_s)

    def oldest_mail_s(self) -> float | None:
        """For how long the oldest unsent mail waits, as far as is known; None: none does."""
        return None if self._mail is None else self._grown(self._mail.oldest_s)

    def _grown(self, age_s: float | None) -> float | None:
        return None if age_s is None else age_s + self.silent_for_s()

    async def once(self) -> bool:
        """Read; False where the database did not say."""
        try:
            self._state, self._mail = await self._read(), await self._read_mail()
        except NotKnown:
            self._is_failing = True
            return False
        self._is_failing = False
        self._heard_s = self._clock.monotonic_s()
        return True

    async def run(self) -> None:
        """Read for ever."""
        while True:
            was_told = await self.once()
            await asyncio.sleep(READ_EVERY_S if was_told else AGAIN_S)

    def seen(self, *, is_away: bool = False) -> Jobs:
        """What operators are shown; ``is_away``: the database is known to say nothing now."""
        state, mail, silent_s = self._state, self._mail, self.silent_for_s()
        is_late = is_away or self._is_failing or silent_s > READ_EVERY_S + LATE_S
        if state is None or mail is None:
            return Jobs(not_known_for_s=silent_s, is_known_ever=False)
        return Jobs(
            self.oldest_pending_s(),
            state.pending,
            state.failed,
            state.workers,
            self._behind_after_s,
            self.oldest_mail_s(),
            mail.waiting,
            mail.failed,
            MAIL_BEHIND_AFTER_S,
            silent_s if is_late else None,
        )

    def check(self) -> Check:
        """The check ``jobs`` of the contract, section 2; answers at once."""
        state, mail, silent_s = self._state, self._mail, self.silent_for_s()
        if state is None or mail is None or silent_s > UNKNOWN_AFTER_S:
            is_late = silent_s > UNKNOWN_AFTER_S
            seen = self.seen(is_away=is_late)
            detail = f"How the background work stands is {jobs_in_words(seen)}."
            return Check(Status.DEGRADED if is_late else Status.HEALTHY, detail, {"silent_for_s": round(silent_s, 1)})
        oldest_s, oldest_mail_s = self.oldest_pending_s(), self.oldest_mail_s()
        figures = {
            "oldest_pending_s": None if oldest_s is None else round(oldest_s, 1),
            "pending": state.pending,
            "failed": state.failed,
            "workers": state.workers,
            "oldest_unsent_mail_s": None if oldest_mail_s is None else round(oldest_mail_s, 1),
            "unsent_mail": mail.waiting,
            "failed_mail": mail.failed,
        }
        if oldest_s is not None and oldest_s > self._behind_after_s:
            heard_of = f"{state.workers} worker{'' if state.workers == 1 else 's'} heard of lately"
            detail = f"The oldest referral has waited for {span(oldest_s)}; {heard_of}."
            return Check(Status.DEGRADED, detail, figures)
        if oldest_mail_s is not None and oldest_mail_s > MAIL_BEHIND_AFTER_S:
            detail = f"The oldest unsent mail has waited for {span(oldest_mail_s)}; {mail.waiting} wait."
            return Check(Status.DEGRADED, detail, figures)
        failed = f" {state.failed} failed and wait for a person." if state.failed else ""
        failed += f" {mail.failed} mails could not be sent." if mail.failed else ""
        return Check(Status.HEALTHY, f"Referrals and mail are worked off in time.{failed}", figures)
