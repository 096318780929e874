"""What happened, as frozen values told to observers; names of metrics and words of logs live only in adapters."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


class CallOutcome(enum.StrEnum):
    """How a guarded call ended for whoever waited for it."""

    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    GIVEN_UP = "given_up"
    CALLER_LEFT = "caller_left"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A caller of ``neighbour`` was released after ``waited_s`` seconds; ``limit_s`` is the limit that applied."""

    neighbour: str
    operation: str
    outcome: CallOutcome
    waited_s: float
    limit_s: float


@dataclass(frozen=True, slots=True)
class CallAbandoned:
    """A call was walked away from and still runs; ``running`` of this neighbour do so now."""

    neighbour: str
    operation: str
    running: int


@dataclass(frozen=True, slots=True)
class AbandonedCallEnded:
    """A call that was walked away from has really ended, ``after_s`` seconds later; ``running`` are left."""

    neighbour: str
    operation: str
    after_s: float
    running: int


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """A circuit breaker went from ``before`` to ``after`` (``closed``, ``half_open``, ``open``), for ``reason``."""

    neighbour: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """An owned task ended with ``error``, the name of its type; nobody was waiting for its result."""

    owner: str
    task: str
    error: str


@dataclass(frozen=True, slots=True)
class TaskRestarted:
    """A supervised task failed with ``error`` (a type's name) ``failures`` times in a row and starts again later."""

    task: str
    error: str
    failures: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class TaskRecovered:
    """A supervised task runs again after ``failures`` failures in a row."""

    task: str
    failures: int


@dataclass(frozen=True, slots=True)
class LoopBlocked:
    """The event loop has not turned for ``blocked_s`` seconds; told from a thread."""

    blocked_s: float


Fact = (
    CallEnded
    | CallAbandoned
    | AbandonedCallEnded
    | BreakerChanged
    | TaskFailed
    | TaskRestarted
    | TaskRecovered
    | LoopBlocked
)

Tell = Callable[[Fact], None]
"""An observer: never waits, never raises; told on the loop, but for ``LoopBlocked``."""


def tell_nobody(_fact: Fact) -> None:
    """The observer that is not interested."""
