"""When to stop asking a neighbour and when to ask again: a pure state machine, ``(state, event, now) -> state``."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Phase(enum.StrEnum):
    """``CLOSED``: everybody may ask. ``HALF_OPEN``: a few, more with each answer. ``OPEN``: nobody waits for it."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Every bound of a breaker; times in seconds. The defaults are for a database, measured in a freeze under load."""

    strikes: int = 5
    """So many failures with no answer between them …"""
    strike_window_s: float = 1.0
    """… within this time open it."""
    slow_call_s: float = 0.6
    """A call that is older, while nobody was answered for as long, opens it by itself."""
    slow_call_max_s: float = 3.0
    """Where the neighbour is known to be slow, three times its pace is slow; but never more than this."""
    fair_wait_s: float = 0.1
    """A wait that was cut shorter says nothing about the neighbour: its caller came late."""
    share: float = 0.5
    """So great a share of failures …"""
    share_calls: int = 20
    """… among at least so many calls …"""
    share_window_s: float = 2.0
    """… within this time opens it too."""
    silence_s: float = 5.0
    """Open, and no word of a probe for so long (there is no prober, or it is dead): callers probe."""
    first_probes: int = 1
    """Calls at once when half-open begins; each answer doubles them."""
    closing_answers: int = 4
    """So many answers in half-open close it."""
    half_open_max_s: float = 5.0
    """Half-open never lasts longer: calls still out open it, none out closes it."""


CACHE_LIMITS = BreakerLimits(strikes=3, strike_window_s=10.0, fair_wait_s=0.03, silence_s=1.0)
"""For a cache whose calls are cut at 50 ms: three in a row are enough, however few ask."""


class Kind(enum.Enum):
    """What happened."""

    ASKED = "asked"
    ANSWERED = "answered"
    FAILED = "failed"
    SLOW = "slow"
    SAID_NOTHING = "said nothing"
    IMPATIENT = "impatient"
    PROBE_GOOD = "probe good"
    PROBE_BAD = "probe bad"
    TICK = "tick"


@dataclass(frozen=True, slots=True)
class Event:
    """``kind`` happened to a call of ``generation`` (None: to no call); it began at or took ``value_s`` seconds.

    ``value_s`` is how long an answer or a good probe took, and how long a failed caller had waited.
    """

    kind: Kind
    generation: int | None = None
    value_s: float = 0.0


@dataclass(frozen=True, slots=True)
class BreakerState:
    """All that a breaker knows; times on the monotonic clock, in seconds."""

    phase: Phase = Phase.CLOSED
    generation: int = 0
    """Goes up with each change of phase: what calls of an earlier one report is no news."""
    since_s: float = 0.0
    heard_s: float = 0.0
    """When a probe was last heard of, or the phase began."""
    answered_s: float = float("-inf")
    """When a call was last answered."""
    pace_s: float = 0.0
    """How long answers take lately."""
    silent_since_s: float = float("inf")
    """Since when whoever asks is not answered, though each of them may merely have been impatient."""
    impatient_s: float = float("-inf")
    """When somebody last was."""
    strikes: tuple[float, ...] = ()
    good: int = 0
    bad: int = 0
    counted_since_s: float = 0.0
    running: int = 0
    """Calls out in half-open."""
    answers: int = 0
    """Answers got in half-open."""
    reason: str = "start"


_PACE_SHARE = 0.2
_SLOW_FACTOR = 3.0
_IMPATIENT_FACTOR = 1.5


def slow_after_s(state: BreakerState, limits: BreakerLimits) -> float:
    """How old a call must be, in seconds, to be slow at the pace the neighbour is known to keep."""
    return max(limits.slow_call_s, min(_SLOW_FACTOR * state.pace_s, limits.slow_call_max_s))


def may_ask(state: BreakerState, limits: BreakerLimits) -> bool:
    """Whether one more call may start now."""
    if state.phase is Phase.HALF_OPEN:
        return state.running < limits.first_probes << min(state.answers, 16)
    return state.phase is Phase.CLOSED


def _enter(state: BreakerState, phase: Phase, now_s: float, reason: str) -> BreakerState:
    return BreakerState(
        phase=phase,
        generation=state.generation + 1,
        since_s=now_s,
        heard_s=now_s,
        answered_s=state.answered_s,
        pace_s=state.pace_s,
        counted_since_s=now_s,
        reason=reason,
    )


def next_state(state: BreakerState, event: Event, now_s: float, limits: BreakerLimits) -> BreakerState:
    """Decide what follows from ``event`` at ``now_s``; a report of an earlier generation changes nothing."""
    if event.generation is not None and event.generation != state.generation:
        return state
    if state.phase is Phase.CLOSED:
        return _closed(state, event, now_s, limits)
    if state.phase is Phase.OPEN:
        return _open(state, event, now_s, limits)
    return _half_open(state, event, now_s, limits)


def _pace_s(state: BreakerState, event: Event) -> float:
    return state.pace_s + _PACE_SHARE * (event.value_s - state.pace_s)


def _silent(state: BreakerState, event: Event, now_s: float, limits: BreakerLimits) -> BreakerState:
    """Since when nobody is answered: not from before the last answer, and not through a time when nobody asked."""
    is_going_on = now_s - event.value_s - state.impatient_s < slow_after_s(state, limits)
    begun_s = min(state.silent_since_s if is_going_on else now_s, now_s - event.value_s)
    return replace(state, silent_since_s=max(begun_s, state.answered_s), impatient_s=now_s)


def _closed(state: BreakerState, event: Event, now_s: float, limits: BreakerLimits) -> BreakerState:
    if event.kind is Kind.SLOW:
        return _enter(state, Phase.OPEN, now_s, "slow")
    if event.kind is Kind.IMPATIENT:
        # The pace excuses one wait after another, but not that nobody is answered at all: then it is of the past.
        state = _silent(state, event, now_s, limits)
        if now_s - state.silent_since_s >= slow_after_s(state, limits):
            event = replace(event, kind=Kind.FAILED)
    if event.kind not in {Kind.ANSWERED, Kind.FAILED}:
        return state
    if now_s - state.counted_since_s >= limits.share_window_s:
        state = replace(state, good=0, bad=0, counted_since_s=now_s)
    if event.kind is Kind.ANSWERED:
        pace_s, good = _pace_s(state, event), state.good + 1
        return replace(state, answered_s=now_s, pace_s=pace_s, silent_since_s=float("inf"), strikes=(), good=good)
    recent = tuple(at_s for at_s in state.strikes if now_s - at_s < limits.strike_window_s)
    state = replace(state, strikes=(*recent, now_s), bad=state.bad + 1)
    if len(state.strikes) >= limits.strikes:
        return _enter(state, Phase.OPEN, now_s, "failures")
    calls = state.good + state.bad
    if calls >= limits.share_calls and state.bad >= limits.share * calls:
        return _enter(state, Phase.OPEN, now_s, "share")
    return state


def _open(state: BreakerState, event: Event, now_s: float, limits: BreakerLimits) -> BreakerState:
    if event.kind is Kind.PROBE_GOOD:
        return replace(_enter(state, Phase.HALF_OPEN, now_s, "probe"), pace_s=event.value_s)
    if event.kind is Kind.PROBE_BAD:
        return replace(state, heard_s=now_s)
    if now_s - state.heard_s >= limits.silence_s:
        return _enter(state, Phase.HALF_OPEN, now_s, "silence")
    return state


def _half_open(state: BreakerState, event: Event, now_s: float, limits: BreakerLimits) -> BreakerState:
    kind = event.kind
    if kind in {Kind.FAILED, Kind.SLOW, Kind.PROBE_BAD}:
        return _enter(state, Phase.OPEN, now_s, kind.value)
    if kind is Kind.ASKED:
        return replace(state, running=state.running + 1)
    if kind in {Kind.SAID_NOTHING, Kind.IMPATIENT} and event.generation is not None:
        return replace(state, running=max(0, state.running - 1))
    if kind is Kind.ANSWERED:
        running, answers, pace_s = max(0, state.running - 1), state.answers + 1, _pace_s(state, event)
        state = replace(state, answered_s=now_s, pace_s=pace_s, running=running, answers=answers)
        return _enter(state, Phase.CLOSED, now_s, "answers") if state.answers >= limits.closing_answers else state
    if now_s - state.since_s >= limits.half_open_max_s:
        phase, reason = (Phase.OPEN, "half-open too long") if state.running else (Phase.CLOSED, "quiet")
        return _enter(state, phase, now_s, reason)
    return state


def meaning_of_a_cut(state: BreakerState, waited_s: float, limits: BreakerLimits) -> Kind:
    """What a wait that was cut at ``waited_s`` seconds says: a failure, or that it was short for the known pace."""
    if waited_s < limits.fair_wait_s:
        return Kind.SAID_NOTHING
    return Kind.FAILED if waited_s >= _IMPATIENT_FACTOR * state.pace_s else Kind.IMPATIENT


def was_anybody_answered(state: BreakerState, now_s: float, waited_s: float) -> bool:
    """Whether the neighbour answered another while this one waited: then the wait was for us, in a queue of ours."""
    return state.answered_s > now_s - waited_s
