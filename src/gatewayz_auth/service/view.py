"""What operators see now: the figures of all processes and what this one knows besides, made into one snapshot."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayz_auth.service.health import HEARD_WITHIN_S, LOOKS_BACK_S, SILENT_AFTER_S
from gatewayz_auth.service.histogram import BOUNDS_S, Histogram
from gatewayz_auth.service.history import Frame, merged
from gatewayz_auth.service.neighbours_seen import (
    PHASES,
    breaker_in_words,
    neighbour_by_breaker,
    outage_of,
    times_given_up,
)
from gatewayz_auth.service.situation import Situation, situation
from gatewayz_auth.service.snapshot import (
    Answering,
    Answers,
    Event,
    Jobs,
    Neighbour,
    Operation,
    PoolNow,
    Snapshot,
    Trouble,
    Waits,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.overview import Sight, Totals

WINDOW_S = 900
DAY_S = 86400
SHOWN_EVENTS = 12
SHOWN_TROUBLES = 12
TICKS = 60
SLOW_TIMES = 5.0
SLOW_AT_LEAST_S = 0.05
SLOW_CALLS = 3
SLOW_OVER_S = 5.0
UNSTEADY = 4
"""Given up so often within a minute, it is not back: it comes and goes."""

BACK_FOR_S = 4.0
"""So long after a silence an open breaker is of the past: it is seen some two seconds late."""


@dataclass(frozen=True, slots=True)
class Local:
    """What this process knows besides the figures; each callable answers at once.

    ``silent_for_s``: since the database last answered the reader of changes. ``refuses``: whether it refuses
    connections rather than saying nothing. ``keys_failing_since_s``: UTC seconds, None while all is well.
    ``shared_knows``: whether Redis has last known good for anybody.
    """

    version: str
    region: str
    environment: str
    budget_s: float
    patience_s: float
    has_redis: bool
    started_s: float
    ttl_s: Callable[[], float]
    keeps_s: Callable[[], float]
    silent_for_s: Callable[[], float]
    refuses: Callable[[], bool]
    keys_failing_since_s: Callable[[], float | None]
    keys_known: Callable[[], int]
    shared_knows: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class _Tick:
    at_s: float
    asked: dict[str, Histogram]
    overloaded: float = 0.0


def _no_jobs(*, is_away: bool) -> Jobs:  # noqa: ARG001 - as ``JobsWatch.seen`` takes it
    return Jobs()


class View:
    """Makes snapshots; nothing it does waits. ``tick`` is to be called about once a second."""

    def __init__(self, sight: Sight, local: Local, clock: Clock) -> None:
        """Look through ``sight``."""
        self._sight = sight
        self._local = local
        self._clock = clock
        self._ticks: deque[_Tick] = deque(maxlen=TICKS)
        self._slow_since_s: float | None = None
        self._usual_s: float | None = None
        self._silent_at_s = float("-inf")
        self._made: tuple[float, Snapshot] | None = None
        self.jobs: Callable[..., Jobs] = _no_jobs
        self.steered: Callable[[], tuple[str, ...]] = tuple

    def tick(self) -> None:
        """Remember how the neighbours do, to tell later what is slow and what is usual."""
        totals = self._sight.totals()
        if self._local.silent_for_s() >= HEARD_WITHIN_S:
            self._silent_at_s = self._clock.utc_now_s()
        asked: dict[str, Histogram] = {}
        for (neighbour, *_), histogram in totals.histograms.get("query_duration_seconds", {}).items():
            asked[neighbour] = asked[neighbour].plus(histogram) if neighbour in asked else histogram
        self._ticks.append(_Tick(totals.at_s, asked, totals.number("problems_total", "overloaded")))
        latency_s, usual_s, calls = self._pace("postgres")
        if self._slow_since_s is not None:  # what is slow now does not become what is usual
            usual_s = self._usual_s
        self._usual_s = usual_s
        is_slow = (
            latency_s is not None
            and usual_s is not None
            and calls >= SLOW_CALLS
            and latency_s >= max(SLOW_AT_LEAST_S, SLOW_TIMES * usual_s)
        )
        if not is_slow:
            self._slow_since_s = None
        elif self._slow_since_s is None:
            self._slow_since_s = totals.at_s

    def situation(self) -> Situation:
        """The one sentence, as of now."""
        return situation(self.snapshot())

    def snapshot(self) -> Snapshot:
        """How it is now; made once a second at most, however many look."""
        now_s = self._clock.monotonic_s()
        if self._made is None or now_s - self._made[0] >= 0.9:  # noqa: PLR2004 - about once a second
            self._made = now_s, self._make()
        return self._made[1]

    def frames(self, span_s: int) -> Sequence[Frame]:
        """The last ``span_s`` seconds, oldest first."""
        return self._sight.frames(span_s)

    def timeouts(self, over_s: float) -> int:
        """Calls that all processes gave up within the last ``over_s`` seconds, as far as is seen by now."""
        since_s, frames = self._clock.utc_now_s() - over_s, self._sight.frames(int(over_s) + 1)
        return sum(frame.timeouts for frame in frames if frame.at_s - frame.span_s >= since_s)

    def _make(self) -> Snapshot:
        local, totals = self._local, self._sight.totals()
        at_s = self._clock.utc_now_s()
        frames = self._sight.frames(WINDOW_S)
        window = merged(frames) if frames else Frame(int(at_s))
        last_minute = [frame for frame in frames if frame.at_s > at_s - 62]
        minute = merged(last_minute) if last_minute else Frame(int(at_s))
        postgres = self._postgres(at_s, frames)
        outage = outage_of(frames, postgres)
        return Snapshot(
            at_s=at_s,
            version=local.version,
            region=local.region,
            environment=local.environment,
            workers=totals.processes,
            started_s=local.started_s,
            budget_s=local.budget_s,
            patience_s=local.patience_s,
            keys_known=local.keys_known(),
            keeps_s=local.keeps_s(),
            caching=local.ttl_s() > 0,
            remembered=int(totals.number("cache_entries", "process")) or int(local.shared_knows()),
            postgres=postgres,
            redis=self._redis(at_s, frames, totals),
            privy=self._privy(),
            minute=answers_of(minute),
            minute_slowest_s=minute.slowest_s,
            overloaded=round(self._ticks[-1].overloaded - self._ticks[0].overloaded) if self._ticks else 0,
            waits=waits_of(window, local.budget_s),
            hit_rate=window.hit_rate,
            last_sign_in_s=self._last_sign_in_s(frames),
            oldest_given_s=totals.number("last_known_good_age_seconds") or None,
            outage_longest_s=longest_since(frames, postgres),
            outage_s=outage[0],
            outage_come_back=outage[1],
            fresh_again=fresh_share(frames[-5:]) if postgres.state is Answering.RECOVERING else None,
            pool=_pool(totals),
            operations=_operations(totals),
            timeouts=self.timeouts(LOOKS_BACK_S),
            jobs=self.jobs(is_away=postgres.state in {Answering.SILENT, Answering.REFUSING}),
            events=tuple(
                Event(one.at_s, one.kind, breaker_in_words(one.text) if one.kind == "breaker" else one.text)
                for one in list(self._sight.events(DAY_S))[-SHOWN_EVENTS:][::-1]
            ),
            troubles=tuple(
                Trouble(one.at_s, one.status, one.code, one.duration_s, one.request_id)
                for one in list(self._sight.problems())[:SHOWN_TROUBLES]
            ),
            unanswered=answers_of(window).unknown,
            concerned=min(totals.concerned, answers_of(window).unknown),
            steered=self.steered(),
        )

    def _pace(self, neighbour: str) -> tuple[float | None, float | None, int]:
        """What a call takes now and usually, in seconds, and how many calls say so."""
        if not self._ticks:
            return None, None, 0
        last = self._ticks[-1]
        now = last.asked.get(neighbour, Histogram())
        earlier = next((tick for tick in reversed(self._ticks) if last.at_s - tick.at_s >= SLOW_OVER_S), None)
        before = Histogram() if earlier is None else earlier.asked.get(neighbour, Histogram())
        lately = now.since(before)
        usual_s = before.sum_s / before.count if before.count else None
        return (lately.sum_s / lately.count if lately.count else None), usual_s, lately.count

    def _p99_s(self, neighbour: str) -> float | None:
        if not self._ticks:
            return None
        now = self._ticks[-1].asked.get(neighbour, Histogram())
        lately = now.since(self._ticks[0].asked.get(neighbour, Histogram())) if len(self._ticks) > 1 else now
        return lately.quantile_s(0.99)

    def _postgres(self, at_s: float, frames: Sequence[Frame]) -> Neighbour:
        silent_s = self._local.silent_for_s()
        latency_s, usual_s = self._pace("postgres")[0], self._usual_s
        state, since_s, breaker = neighbour_by_breaker("postgres", frames, at_s)
        given_up = times_given_up("postgres", frames, at_s)
        if state is Answering.SILENT and silent_s < HEARD_WITHIN_S:  # by the breaker alone: not sign-ins, or not yet
            is_back = breaker == PHASES[1] or at_s - self._silent_at_s < BACK_FOR_S
            state = Answering.RETURNING if is_back else Answering.HANGING
        elif state is Answering.SILENT or silent_s >= SILENT_AFTER_S:
            state = Answering.REFUSING if self._local.refuses() else Answering.SILENT
            since_s = at_s - silent_s if silent_s >= 1 or since_s is None else since_s
        elif given_up >= UNSTEADY:
            state = Answering.UNSTEADY
        elif self._slow_since_s is not None and state is Answering.ANSWERS:
            state, since_s = Answering.SLOW, self._slow_since_s
        timeouts = sum(frame.timeouts for frame in frames)
        note = f"{timeouts:,} calls given up in 15 min"
        return Neighbour(
            "postgres", state, since_s, breaker, latency_s, usual_s, self._p99_s("postgres"), timeouts, note, given_up
        )

    def _redis(self, at_s: float, frames: Sequence[Frame], totals: Totals) -> Neighbour:
        if not self._local.has_redis:
            return Neighbour("redis", Answering.ABSENT, note="each process remembers for itself")
        state, since_s, breaker = neighbour_by_breaker("redis", frames, at_s)
        hits = totals.number("cache_requests_total", "redis", "hit")
        asked = totals.number("cache_requests_total", "redis")
        note = f"knew {hits / asked * 100:.0f} % of what memory missed" if asked else "not asked yet"
        if state is Answering.RECOVERING:
            state = Answering.ANSWERS
        elif breaker == PHASES[1]:
            state = Answering.RETURNING
        return Neighbour("redis", state, since_s, breaker, p99_s=self._p99_s("redis"), note=note)

    def _privy(self) -> Neighbour:
        failing_s, known = self._local.keys_failing_since_s(), self._local.keys_known()
        keys = f"{known} key{'' if known == 1 else 's'} known, not needed to sign in"
        state = Answering.ANSWERS if failing_s is None else Answering.STALE
        return Neighbour("privy", state, failing_s, note=keys)

    def _last_sign_in_s(self, frames: Sequence[Frame]) -> float | None:
        for known in (frames, self._sight.frames(DAY_S)):
            for frame in reversed(known):
                if frame.sign_ins:
                    return float(frame.at_s)
        return None


def answers_of(frame: Frame) -> Answers:
    """The frame's sign-ins by where the answer came from."""
    given = frame.answered.get
    return Answers(
        cache=given("cache", 0),
        database=given("database", 0),
        last_known_good=given("last-known-good", 0),
        refused=given("refused", 0) + given("invalid", 0),
        unknown=given("unknown", 0),
        limited=given("limited", 0),
    )


def waits_of(frame: Frame, budget_s: float) -> Waits:
    """How long the frame's callers waited."""
    count = sum(frame.durations.values())
    late = sum(n for index, n in frame.durations.items() if index > 0 and BOUNDS_S[index - 1] >= budget_s)
    return Waits(
        WINDOW_S,
        count,
        count - late,
        frame.quantile_s(0.5) or 0.0,
        frame.quantile_s(0.95) or 0.0,
        frame.quantile_s(0.99) or 0.0,
        frame.slowest_s,
        answers_of(frame).unknown + answers_of(frame).limited,
    )


def longest_since(frames: Sequence[Frame], database: Neighbour) -> float | None:
    """The longest wait since the database went away; None where it is not away."""
    if not database.state.is_away or database.since_s is None:
        return None
    since_s = database.since_s
    return max((frame.slowest_s for frame in frames if frame.at_s >= since_s), default=0.0) or None


def fresh_share(frames: Sequence[Frame]) -> float | None:
    """The part of good answers that are not from last known good, 0 to 1; None where nobody was answered."""
    given = [answers_of(frame) for frame in frames]
    fresh = sum(one.cache + one.database for one in given)
    old = sum(one.last_known_good for one in given)
    return fresh / (fresh + old) if fresh + old else None


def _pool(totals: Totals) -> PoolNow:
    def connections(state: str) -> int:
        return int(totals.number("pool_connections", "postgres", state))

    fullest = max(totals.pools, key=lambda one: (one.active + one.broken) / one.max_size, default=None)
    return PoolNow(
        processes=len(totals.pools),
        worst_active=0 if fullest is None else fullest.active + fullest.broken,
        worst_limit=0 if fullest is None else fullest.max_size,
        active=connections("active"),
        idle=connections("idle"),
        broken=connections("broken"),
        limit=int(totals.number("pool_size_max", "postgres")),
        waiting=int(totals.number("pool_waiting", "postgres")),
        abandoned=int(totals.number("abandoned_calls", "postgres")),
    )


def _operations(totals: Totals) -> tuple[Operation, ...]:
    together: dict[tuple[str, bool], tuple[int, float]] = {}
    for one in totals.running:
        key = (one.operation, one.is_abandoned)
        count, longest_s = together.get(key, (0, 0.0))
        together[key] = (count + 1, max(longest_s, one.for_s))
    found = [
        Operation(name, count, longest_s, is_abandoned=left) for (name, left), (count, longest_s) in together.items()
    ]
    return tuple(sorted(found, key=lambda one: -(one.for_s or 0.0))[:8])
