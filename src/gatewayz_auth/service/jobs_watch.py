"""How the background work stands, read now and then behind everybody's back: a probe asks no neighbour."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.service.health import Check, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.domain.referrals import JobsState
    from gatewayz_auth.reliability.clock import Clock

READ_EVERY_S = 5.0
UNKNOWN_AFTER_S = 30.0
BEHIND_AFTER_S = 120.0
"""An oldest referral that waits for longer says that nobody works them off."""

BEHIND_AFTER_NIGHTLY_S = 26 * 3600.0


class JobsWatch:
    """Keeps the last state that was read; ``mode`` is ``REFERRAL_MODE``, which says what is late."""

    def __init__(self, read: Callable[[], Awaitable[JobsState]], mode: str, clock: Clock) -> None:
        """Know nothing yet."""
        self._read = read
        self.follow(mode)
        self._clock = clock
        self._began_s = clock.monotonic_s()
        self._heard_s: float | None = None
        self._state: JobsState | None = None

    def follow(self, mode: str) -> None:
        """Judge what is late by ``mode`` from now on."""
        self._behind_after_s = BEHIND_AFTER_NIGHTLY_S if mode == "nightly" else BEHIND_AFTER_S

    @property
    def state(self) -> JobsState | None:
        """What was read last; None: nothing yet."""
        return self._state

    def silent_for_s(self) -> float:
        """Seconds since the database last said how it stands."""
        return self._clock.monotonic_s() - (self._began_s if self._heard_s is None else self._heard_s)

    def oldest_pending_s(self) -> float | None:
        """For how long the oldest referral waits, as far as is known; None: none does."""
        if self._state is None or self._state.oldest_pending_s is None:
            return None
        return self._state.oldest_pending_s + self.silent_for_s()

    async def once(self) -> bool:
        """Read; False where the database did not say."""
        try:
            self._state = await self._read()
        except NotKnown:
            return False
        self._heard_s = self._clock.monotonic_s()
        return True

    async def run(self) -> None:
        """Read for ever."""
        while True:
            await self.once()
            await asyncio.sleep(READ_EVERY_S)

    def check(self) -> Check:
        """The check ``jobs`` of the contract, section 2; answers at once."""
        state, silent_s = self._state, self.silent_for_s()
        if state is None or silent_s > UNKNOWN_AFTER_S:
            is_late = silent_s > UNKNOWN_AFTER_S
            detail = "The database has not said how the background work stands."
            return Check(Status.DEGRADED if is_late else Status.HEALTHY, detail, {"silent_for_s": round(silent_s, 1)})
        oldest_s = self.oldest_pending_s()
        figures = {
            "oldest_pending_s": None if oldest_s is None else round(oldest_s, 1),
            "pending": state.pending,
            "failed": state.failed,
            "workers": state.workers,
        }
        if oldest_s is not None and oldest_s > self._behind_after_s:
            detail = f"The oldest referral has waited for {oldest_s:.0f} s; {state.workers} workers were seen."
            return Check(Status.DEGRADED, detail, figures)
        failed = f" {state.failed} failed and wait for a person." if state.failed else ""
        return Check(Status.HEALTHY, f"Referrals are worked off in time.{failed}", figures)
