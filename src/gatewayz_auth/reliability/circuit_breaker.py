"""A circuit breaker: nobody waits for a neighbour that is known not to answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from gatewayz_auth.domain.errors import NeighbourUnavailable, QueryTimeoutError, Refused
from gatewayz_auth.reliability.breaker_machine import (
    CACHE_LIMITS,
    BreakerLimits,
    BreakerState,
    Event,
    Kind,
    Phase,
    may_ask,
    meaning_of_a_cut,
    next_state,
    slow_after_s,
    was_anybody_answered,
)
from gatewayz_auth.reliability.facts import BreakerChanged, tell_nobody

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.facts import Tell

MAX_LAG_S = 0.25
"""Where our own loop is later than this, or than the limit itself, what looks slow is ours and is looked at again."""


BUSY_SHARE = 0.25
"""Where our own thread was busy for this share of a wait that was cut, it may have been us who were late."""


def _is_ours(late_s: float, limit_s: float) -> bool:
    return late_s > min(MAX_LAG_S, limit_s)


class Permit:
    """Leave to ask once; given back on every way out of its ``with`` block, with what that says of the neighbour.

    An answer, and a refusal it led to (``Refused``), are answers. A time-out after a fair wait, an ``OSError`` and
    ``NeighbourUnavailable`` are failures. Our own saturation, a caller who left and a fault of our own say nothing.
    """

    __slots__ = ("_breaker", "generation", "started_busy_s", "started_s")

    def __init__(self, breaker: CircuitBreaker, generation: int, started_s: float, started_busy_s: float) -> None:
        """Begin at ``started_s``, when this thread had been busy for ``started_busy_s``."""
        self._breaker = breaker
        self.generation = generation
        self.started_s = started_s
        self.started_busy_s = started_busy_s

    def __enter__(self) -> Self:
        """Use the permit that was given."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Give it back; nothing is swallowed."""
        self._breaker._returned(self, error)  # noqa: SLF001 - two halves of one thing


class CircuitBreaker:
    """The shell of ``breaker_machine``: holds its state, its permits and one timer for the oldest of them."""

    __slots__ = ("_clock", "_limits", "_listeners", "_opening", "_out", "_state", "_tell", "_timer", "neighbour")

    def __init__(self, neighbour: str, limits: BreakerLimits, clock: Clock, tell: Tell = tell_nobody) -> None:
        """Start closed; ``tell`` hears ``BreakerChanged``."""
        self.neighbour = neighbour
        self._limits = limits
        self._clock = clock
        self._tell = tell
        now_s = clock.monotonic_s()
        self._state = BreakerState(since_s=now_s, heard_s=now_s, counted_since_s=now_s)
        self._listeners: list[Callable[[BreakerChanged], None]] = []
        self._out: dict[Permit, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Future[None] | None = None

    def is_closed(self) -> bool:
        """Whether the neighbour answers, as far as is known."""
        return self.phase is Phase.CLOSED

    @property
    def phase(self) -> Phase:
        """The phase it is in now."""
        self.tick()
        return self._state.phase

    @property
    def state(self) -> BreakerState:
        """All it knows, as a frozen value."""
        return self._state

    @property
    def permits_out(self) -> int:
        """Calls under way."""
        return len(self._out)

    def subscribe(self, listener: Callable[[BreakerChanged], None]) -> None:
        """Have ``listener`` called at each change of phase, on the loop; it must neither wait nor raise."""
        self._listeners.append(listener)

    def check(self) -> None:
        """Raise ``NeighbourUnavailable`` where a call would not be let through now; ask before joining a flight."""
        self.tick()
        if not may_ask(self._state, self._limits):
            raise NeighbourUnavailable(self.neighbour, f"circuit breaker is {self._state.phase.value}")

    def permit(self) -> Permit:
        """Leave for one call, to be used in a ``with`` at once; ``NeighbourUnavailable`` where there is none.

        Take it after the slot and not before: the time it is out is the neighbour's time alone.
        """
        self.check()
        clock = self._clock
        permit = Permit(self, self._state.generation, clock.monotonic_s(), clock.thread_busy_s())
        if self._state.phase is Phase.HALF_OPEN:  # closed, nobody counts
            self._apply(Event(Kind.ASKED, permit.generation))
        self._out[permit] = None
        if self._timer is None:
            self._arm(slow_after_s(self._state, self._limits))
        return permit

    def expired(self, waited_s: float, limit_s: float, worked_s: float = 0.0) -> None:
        """Hear that somebody's patience of ``limit_s`` seconds ended after ``waited_s``, while the call goes on.

        For ``worked_s`` of these this thread was busy itself.
        It counts only where a call is out and nobody was answered meanwhile: a wait in a queue of ours is not theirs.
        """
        now_s, is_ours = self._clock.monotonic_s(), _is_ours(waited_s - limit_s, limit_s)
        if is_ours or not self._out or was_anybody_answered(self._state, now_s, waited_s):
            return
        self._apply(Event(self._meaning_of_a_cut(waited_s, worked_s), value_s=waited_s))

    def probe_good(self, took_s: float) -> None:
        """Hear of a probe that was answered in ``took_s`` seconds, and that there are connections to use."""
        self._apply(Event(Kind.PROBE_GOOD, value_s=took_s))

    def probe_bad(self) -> None:
        """Hear of a probe that was not answered."""
        self._apply(Event(Kind.PROBE_BAD))

    def tick(self) -> None:
        """Let time have its effect: nothing stays open unprobed, or half-open, for ever."""
        if self._state.phase is not Phase.CLOSED:
            self._apply(Event(Kind.TICK))

    def opening(self) -> asyncio.Future[None]:
        """Done when the breaker is open: what waits for the neighbour need not wait on (``guarded``'s ``give_up``)."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_future()
            if self._state.phase is Phase.OPEN:
                self._opening.set_result(None)
        return self._opening

    def _returned(self, permit: Permit, error: BaseException | None) -> None:
        if self._out.pop(permit, self) is self:
            return  # given back already
        waited_s = self._clock.monotonic_s() - permit.started_s
        kind = self._meaning(permit, error, waited_s)
        # What had begun before a change of phase says nothing about the phase it ends in.
        self._apply(Event(kind, permit.generation, waited_s))

    def _meaning_of_a_cut(self, waited_s: float, worked_s: float) -> Kind:
        """What it says that a wait of ``waited_s`` was cut, for ``worked_s`` of which we were busy ourselves."""
        kind = meaning_of_a_cut(self._state, waited_s, self._limits)
        return Kind.IMPATIENT if worked_s > BUSY_SHARE * waited_s and kind is Kind.FAILED else kind

    def _worked_s(self, permit: Permit) -> float:
        return self._clock.thread_busy_s() - permit.started_busy_s

    def _meaning(self, permit: Permit, error: BaseException | None, waited_s: float) -> Kind:
        if error is None or isinstance(error, Refused):
            return Kind.ANSWERED
        if isinstance(error, QueryTimeoutError):
            if _is_ours(waited_s - error.timeout_s, error.timeout_s):
                return Kind.SAID_NOTHING
            return self._meaning_of_a_cut(waited_s, self._worked_s(permit))
        if isinstance(error, NeighbourUnavailable | OSError) and not isinstance(error, asyncio.CancelledError):
            return Kind.FAILED
        return Kind.SAID_NOTHING

    def _apply(self, event: Event) -> None:
        before = self._state
        now_s = self._clock.monotonic_s()
        self._state = after = next_state(before, event, now_s, self._limits)
        if after.phase is before.phase:
            return
        if after.phase is Phase.OPEN:
            if self._opening is not None and not self._opening.done():
                self._opening.set_result(None)
        elif before.phase is Phase.OPEN:
            self._opening = None
        fact = BreakerChanged(self.neighbour, before.phase.value, after.phase.value, after.reason)
        self._tell(fact)
        for listener in self._listeners:
            listener(fact)

    def _arm(self, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay_s, self._look_for_slow, self._clock.monotonic_s() + delay_s)

    def _look_for_slow(self, due_s: float) -> None:
        """Whether the oldest call of this generation is slow and nobody was answered meanwhile."""
        self._timer = None
        state = self._state
        permit = next((permit for permit in self._out if permit.generation == state.generation), None)
        if permit is None:
            return
        now_s = self._clock.monotonic_s()
        slow_s = slow_after_s(state, self._limits)
        # An answer needs several turns of the loop: while we were busy ourselves it was not theirs, within limits.
        worked_s = min(self._worked_s(permit), 2 * slow_s)
        left_s = max(permit.started_s, state.answered_s) + slow_s + worked_s - now_s
        if left_s <= 0 and not _is_ours(now_s - due_s, slow_s):
            self._apply(Event(Kind.SLOW, permit.generation))
        else:
            self._arm(max(left_s, min(MAX_LAG_S, slow_s) / 5))


__all__ = ["CACHE_LIMITS", "BreakerLimits", "BreakerState", "CircuitBreaker", "Permit", "Phase"]
