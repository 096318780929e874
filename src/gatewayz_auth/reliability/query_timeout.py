"""Stop waiting at the limit, whatever the driver does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayz_auth.domain.errors import NeighbourUnavailable, Overloaded, QueryTimeoutError
from gatewayz_auth.reliability.facts import CallEnded, CallOutcome
from gatewayz_auth.reliability.owned_tasks import cancel_twice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.reliability.abandoned import Abandoned
    from gatewayz_auth.reliability.clock import Clock

T = TypeVar("T")


def timeout_exceeded(limit_s: float, operation: str) -> QueryTimeoutError:
    """The error of a call that was given up at ``limit_s`` seconds, worded ``timeout exceeded 5s``."""
    return QueryTimeoutError(f"timeout exceeded {round(limit_s, 3):g}s", operation=operation, timeout_s=limit_s)


class _Call:
    """One guarded call: tells how it ended once, and gives its slot back at the real end of the work."""

    __slots__ = ("_abandoned", "_clock", "_limit_s", "_on_end", "left_s", "neighbour", "operation", "started_s")

    def __init__(  # noqa: PLR0913 - what the guard was told
        self,
        *,
        neighbour: str,
        operation: str,
        limit_s: float,
        clock: Clock,
        abandoned: Abandoned,
        on_end: Callable[[], None] | None,
    ) -> None:
        self.neighbour = neighbour
        self.operation = operation
        self._limit_s = limit_s
        self._clock = clock
        self._abandoned = abandoned
        self._on_end = on_end
        self.started_s = clock.monotonic_s()
        self.left_s: float | None = None
        abandoned.under_way.add(self)

    def waited_s(self) -> float:
        return self._clock.monotonic_s() - self.started_s

    def released(self, outcome: CallOutcome) -> None:
        self._abandoned.tell(CallEnded(self.neighbour, self.operation, outcome, self.waited_s(), self._limit_s))

    def walk_away(self, task: asyncio.Task[Any], outcome: CallOutcome) -> None:
        """Cancel the work, twice, and count it until it ends; never wait for it."""
        cancel_twice(task)
        self.left_s = self._clock.monotonic_s()
        self._abandoned.left(self.neighbour, self.operation)
        self.released(outcome)

    def refuse(self) -> None:
        """The work was never begun: its slot is free at once."""
        self.released(CallOutcome.REFUSED)
        self.work_ended(None)

    def work_ended(self, _task: object) -> None:
        self._abandoned.under_way.discard(self)
        if self.left_s is not None:
            self._abandoned.ended(self.neighbour, self.operation, self._clock.monotonic_s() - self.left_s)
        if self._on_end is not None:
            on_end, self._on_end = self._on_end, None
            on_end()


async def _run(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


async def guarded(  # noqa: PLR0913 - keywords that each say one thing
    work: Callable[[], Awaitable[T]],
    *,
    limit_s: float,
    operation: str,
    neighbour: str,
    clock: Clock,
    abandoned: Abandoned,
    on_end: Callable[[], None] | None = None,
    give_up: asyncio.Future[Any] | None = None,
) -> T:
    """What ``work`` answers, or ``QueryTimeoutError`` after ``limit_s`` seconds, also where it is deaf to cancellation.

    At the limit, or when ``give_up`` is done (an opening breaker), the work is cancelled twice and walked away from:
    counted in ``abandoned`` until it has really ended, when ``on_end`` is called, once and in every case. A caller that
    is cancelled leaves in the same way, at once. A limit of 0 or less starts nothing. ``Overloaded`` where too many
    calls of ``neighbour`` were walked away from; ``NeighbourUnavailable`` where somebody else ended the work.
    """
    call = _Call(
        neighbour=neighbour,
        operation=operation,
        limit_s=limit_s,
        clock=clock,
        abandoned=abandoned,
        on_end=on_end,
    )
    if not limit_s > 0 or (give_up is not None and give_up.done()):
        call.refuse()
        raise timeout_exceeded(max(0.0, limit_s), operation)
    if abandoned.is_full(neighbour) or abandoned.tasks.is_full:
        call.refuse()
        raise Overloaded(f"{neighbour}: {abandoned.running(neighbour)} calls were walked away from and still run")
    task = abandoned.tasks.spawn(_run(work), f"{neighbour}:{operation}")
    task.add_done_callback(call.work_ended)
    waited_for: tuple[asyncio.Future[Any], ...] = (task,) if give_up is None else (task, give_up)
    try:
        await asyncio.wait(waited_for, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        if task.done():
            call.released(CallOutcome.CALLER_LEFT)
        else:
            call.walk_away(task, CallOutcome.CALLER_LEFT)
        raise
    if not task.done():
        is_given_up = give_up is not None and give_up.done()
        call.walk_away(task, CallOutcome.GIVEN_UP if is_given_up else CallOutcome.TIMED_OUT)
        raise timeout_exceeded(call.waited_s() if is_given_up else limit_s, operation)
    if task.cancelled():
        call.released(CallOutcome.FAILED)
        raise NeighbourUnavailable(neighbour, "the call was ended from within")
    error = task.exception()
    call.released(CallOutcome.OK if error is None else CallOutcome.FAILED)
    if error is not None:
        raise error
    return task.result()
