"""What the reliability layer tells, as log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gatewayz_auth.reliability.facts import (
    BreakerChanged,
    CallEnded,
    CallOutcome,
    LoopBlocked,
    TaskFailed,
    TaskRecovered,
    TaskRestarted,
)
from gatewayz_auth.service.health import UNATTENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.reliability.facts import Fact


class Told:
    """Hears facts and writes those that somebody on watch should read; single calls are counted elsewhere."""

    def __init__(self, on_timeout: Callable[[], None]) -> None:
        """Write through structlog, as configured; ``on_timeout`` hears of calls whose callers were let go."""
        self._on_timeout = on_timeout
        self._log = structlog.get_logger()

    def hear(self, fact: Fact) -> None:
        """Write ``fact`` where it is worth a line; never waits, never raises."""
        if isinstance(fact, CallEnded):
            if fact.outcome is CallOutcome.TIMED_OUT and fact.operation not in UNATTENDED:
                self._on_timeout()
        elif isinstance(fact, BreakerChanged):
            self._log.warning(
                f"Circuit breaker of {fact.neighbour}: {fact.before} -> {fact.after}",
                neighbour=fact.neighbour,
                reason=fact.reason,
            )
        elif isinstance(fact, TaskFailed):
            self._log.error("A background task failed", task=fact.task, error=fact.error)
        elif isinstance(fact, TaskRestarted):
            self._log.warning("A background task starts again", task=fact.task, error=fact.error, delay_s=fact.delay_s)
        elif isinstance(fact, TaskRecovered):
            self._log.info("A background task runs again", task=fact.task)
        elif isinstance(fact, LoopBlocked):
            self._log.error("The event loop is blocked", blocked_s=round(fact.blocked_s, 1))
