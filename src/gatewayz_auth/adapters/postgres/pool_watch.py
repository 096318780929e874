"""Looks at the service's own pool once a second and says what somebody on watch should read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gatewayz_auth.adapters.postgres.connection_pool_monitor import BandWatch, diagnostics_line, stats_of
from gatewayz_auth.service.pool_diagnosis import diagnose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatewayz_auth.adapters.postgres.pool import Pool
    from gatewayz_auth.service.overview import Running
    from gatewayz_auth.service.pool_diagnosis import Diagnosis

DIAGNOSTICS_EVERY = 60
"""Looks from one line of diagnostics to the next."""

ENTER_AFTER, LEAVE_AFTER = 3, 10
"""A pool that is full for a moment is well used; one that is full for three seconds is worth a line."""


class PoolWatch:
    """One line when the pool is stressed, one when it is no more, and every minute how full it is."""

    def __init__(
        self,
        pool: Pool,
        running: Callable[[], Iterable[Running]],
        queueing: Callable[[], int],
        happened: Callable[[str, str], None],
    ) -> None:
        """Watch ``pool``, whose connections ``running`` calls hold and ``queueing`` callers wait for elsewhere."""
        self._pool = pool
        self._running = running
        self._queueing = queueing
        self._happened = happened
        self._bands = BandWatch(enter_after=ENTER_AFTER, leave_after=LEAVE_AFTER)
        self._looks = 0
        self._log = structlog.get_logger()

    def diagnosis(self) -> Diagnosis:
        """Why the pool is drained, where it is."""
        return diagnose(self._pool.stats(), self._running(), self._queueing())

    def look(self) -> None:
        """Look once; never waits."""
        stats = stats_of(self._pool)
        if stats is None:
            return
        self._looks += 1
        if self._looks % DIAGNOSTICS_EVERY == 0:
            self._log.info(diagnostics_line(stats))
        line = self._bands.line(stats)
        if line is not None:
            found = self.diagnosis()
            self._log.warning(line, diagnosis=found.sentence, **found.figures())
            self._happened("pool", line)
