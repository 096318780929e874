"""The background work as operators see it: read while somebody looks, kept for when the database says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.domain.referrals import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.domain.mail import OutboxState
    from gatewayz_auth.domain.referrals import ByStatus, JobsState, Referral
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.jobs_watch import JobsWatch

FRESH_S = 1.0
"""However many look, it is read once in so long."""

AWAY_AFTER_S = 3.0
"""So long the database may be silent before it is not asked."""

SHOWN = 50


@dataclass(frozen=True, slots=True)
class JobsSeen:
    """How it stood at ``at_s`` (UTC seconds); without ``by_status`` only what every process knows anyway was read."""

    at_s: float
    state: JobsState
    mail: OutboxState
    by_status: ByStatus | None = None
    failed: tuple[Referral, ...] = ()


class JobsRecords(Protocol):
    """Where it is read; each call ends in time, in ``NotKnown`` at worst."""

    async def state(self) -> JobsState:
        """How the background work stands."""
        ...

    async def by_status(self) -> ByStatus:
        """How many there are of each status."""
        ...

    async def listed(self, status: Status | None, limit: int, before_id: int | None = None) -> tuple[Referral, ...]:
        """At most ``limit`` referrals, newest first."""
        ...


class Outbox(Protocol):
    """Where mail is read."""

    async def state(self) -> OutboxState:
        """How the outbox stands; ``NotKnown`` at worst."""
        ...


class JobsLook:
    """Looks at the jobs for whoever has the page open, and never at a database that is known to say nothing."""

    def __init__(
        self, records: JobsRecords, outbox: Outbox, watch: JobsWatch, silent_for_s: Callable[[], float], clock: Clock
    ) -> None:
        """Have read nothing yet; ``watch`` is what is shown until then."""
        self._records = records
        self._outbox = outbox
        self._watch = watch
        self._silent_for_s = silent_for_s
        self._clock = clock
        self._kept: JobsSeen | None = None
        self._is_reading = False
        self._is_stale = True

    async def seen(self) -> JobsSeen | None:
        """How it stands, as newly as it can be told; None where nothing was ever read."""
        now_s = self._clock.utc_now_s()
        is_due = self._is_stale or self._kept is None or now_s - self._kept.at_s >= FRESH_S
        if is_due and not self._is_reading and self._silent_for_s() < AWAY_AFTER_S:
            self._is_reading = True
            try:
                self._is_stale = False
                self._kept = await self._read(now_s)
            except NotKnown:
                pass  # what was kept says of when it is
            finally:
                self._is_reading = False
        return self._kept or self._watched(now_s)

    def forget(self) -> None:
        """Read anew for the next who looks: something was done."""
        self._is_stale = True

    async def _read(self, now_s: float) -> JobsSeen:
        records = self._records
        state, mail, by_status = await records.state(), await self._outbox.state(), await records.by_status()
        return JobsSeen(now_s, state, mail, by_status, await records.listed(Status.FAILED, SHOWN))

    def _watched(self, now_s: float) -> JobsSeen | None:
        state, mail = self._watch.state, self._watch.mail
        if state is None or mail is None:
            return None
        return JobsSeen(now_s - self._watch.silent_for_s(), state, mail)
