"""The figures of one process: plain numbers, added up without a lock, a label look-up or a call into a library."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING, Any

from gatewayz_auth.adapters.figures.catalogue import BY_NAME, METRICS, Kind
from gatewayz_auth.reliability.facts import (
    AbandonedCallEnded,
    BreakerChanged,
    CallAbandoned,
    CallEnded,
    CallOutcome,
    LoopBlocked,
    TaskRestarted,
)
from gatewayz_auth.service.concerned import Concerned
from gatewayz_auth.service.histogram import BOUNDS_S, BUCKETS
from gatewayz_auth.service.overview import Event, Problem, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.facts import Fact
    from gatewayz_auth.service.sign_in_report import SignInReport

MAX_SERIES = 200
"""Series of one figure; what comes on top is counted under the label ``other``."""

MAX_PROBLEMS = 50
MAX_EVENTS = 100
OTHER = "other"
SERVER_FAULT = 500

Labels = tuple[str, ...]
Cells = list[float]
"""A histogram under way: a count for each bucket, and the sum of all lengths behind them."""


def _cells() -> Cells:
    return [0] * BUCKETS + [0.0]


class Figures:
    """Adds up what happens in this process; no call waits, raises, or keeps anything of a person.

    To be called on the event loop; from threads only ``hear`` of a blocked loop. ``answered`` is on the hot route: two
    to three microseconds. Names and labels are those of ``catalogue.METRICS``.
    """

    def __init__(self, clock: Clock) -> None:
        """Count nothing yet."""
        self._clock = clock
        self._numbers: dict[str, dict[Labels, float]] = {
            metric.name: {} for metric in METRICS if metric.kind is not Kind.HISTOGRAM
        }
        self._histograms: dict[str, dict[Labels, Cells]] = {
            metric.name: {} for metric in METRICS if metric.kind is Kind.HISTOGRAM
        }
        self._watched: list[tuple[dict[Labels, float], Labels, Callable[[], float]]] = []
        self._running: Callable[[], Iterable[Running]] = tuple
        self._ok: dict[str, Cells] = {}
        self._phases: dict[str, Cells] = {}
        self._slowest_s = 0.0
        self._problems: deque[Problem] = deque(maxlen=MAX_PROBLEMS)
        self._concerned = Concerned()
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        for outcome in ("refused", "unknown", "limited", "invalid"):
            self._histogram("sign_in_duration_seconds", (outcome, "none"))
        for source in ("cache", "database", "last-known-good"):
            self._ok[source] = self._histogram("sign_in_duration_seconds", ("ok", source))
        for phase in ("parse", "verify", *self._ok, "lookup"):
            self._phases[phase] = self._histogram("sign_in_phase_seconds", (phase,))

    def answered(self, report: SignInReport) -> None:
        """Count one answered sign-in."""
        duration_s = report.duration_s
        cells = (self._ok.get(report.source) if report.outcome == "ok" else None) or self._rare(report)
        cells[bisect_left(BOUNDS_S, duration_s)] += 1
        cells[-1] += duration_s
        phases = self._phases
        for name, length_s in report.phases_s:
            cells = phases.get(name) or self._histogram("sign_in_phase_seconds", (name,))
            cells[bisect_left(BOUNDS_S, length_s)] += 1
            cells[-1] += length_s
        if duration_s > self._slowest_s:  # noqa: PLR1730 - a call of max costs as much as all the rest of it
            self._slowest_s = duration_s

    def _rare(self, report: SignInReport) -> Cells:
        if report.outcome != "ok":
            self.count("problems_total", report.code)
        if report.reason is not None:
            self.count("tokens_refused_total", report.reason)
        if report.status >= SERVER_FAULT:
            now_s = self._clock.utc_now_s()
            self._problems.append(Problem(now_s, report.request_id, report.code, report.status, report.duration_s))
            if report.privy_user_id is not None:
                self._concerned.add(report.privy_user_id, now_s)
        return self._histogram("sign_in_duration_seconds", (report.outcome, report.source))

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add ``by`` to the counter."""
        series = self._numbers[name]
        key = labels if labels in series or len(series) < MAX_SERIES else (OTHER,) * len(labels)
        series[key] = series.get(key, 0) + by

    def put(self, name: str, value: float, *labels: str) -> None:
        """Say what the gauge shows now."""
        self._numbers[name][labels] = value

    def observe(self, name: str, length_s: float, *labels: str) -> None:
        """Count ``length_s`` seconds in the histogram."""
        cells = self._histogram(name, labels)
        cells[bisect_left(BOUNDS_S, length_s)] += 1
        cells[-1] += length_s

    def begin(self, name: str, *labels: str) -> None:
        """Show the counter as 0 from now on: whoever asks how much it grew must have seen it before it did."""
        self._numbers[name].setdefault(labels, 0)

    def watch(self, name: str, read: Callable[[], float], *labels: str) -> None:
        """Read the figure off ``read`` whenever it is wanted: a gauge, or a count that somebody else keeps."""
        self._watched.append((self._numbers[name], labels, read))

    def watch_running(self, read: Callable[[], Iterable[Running]]) -> None:
        """Read off ``read`` which calls run now."""
        self._running = read

    def happened(self, kind: str, text: str) -> None:
        """Remember an event; the kinds are those of ``overview.Event``."""
        self._events.append(Event(self._clock.utc_now_s(), kind, text))

    def cache_asked(self, tier: str, result: str) -> None:
        """Count a question to what is remembered, as ``ports.Observer`` tells it."""
        self.count("cache_requests_total", tier, result)

    def hear(self, fact: Fact) -> None:
        """Count ``fact``."""
        if isinstance(fact, CallEnded):
            if fact.outcome is not CallOutcome.REFUSED:
                self.observe("query_duration_seconds", fact.waited_s, fact.neighbour, fact.operation)
            if fact.outcome in {CallOutcome.TIMED_OUT, CallOutcome.GIVEN_UP}:
                self.count("query_timeouts_total", fact.neighbour, fact.operation)
        elif isinstance(fact, CallAbandoned):
            self.count("abandoned_calls_total", fact.neighbour)
            self.put("abandoned_calls", fact.running, fact.neighbour)
        elif isinstance(fact, AbandonedCallEnded):
            self.put("abandoned_calls", fact.running, fact.neighbour)
        elif isinstance(fact, BreakerChanged):
            self.count("breaker_transitions_total", fact.neighbour)
            self.happened("breaker", f"{fact.neighbour}: {fact.before} -> {fact.after} ({fact.reason})")
        elif isinstance(fact, TaskRestarted):
            self.count("task_restarts_total", fact.task)
            self.happened("task", f"{fact.task} starts again after {fact.error}")
        elif isinstance(fact, LoopBlocked):
            self.count("loop_blocked_total")
            self.happened("loop", f"an event loop did not turn for {fact.blocked_s:.1f} s")

    def _histogram(self, name: str, labels: Labels) -> Cells:
        series = self._histograms[name]
        cells = series.get(labels)
        if cells is None:
            if len(series) >= MAX_SERIES:
                labels = (OTHER,) * len(BY_NAME[name].labels)
            cells = series.setdefault(labels, _cells())
        return cells

    def snapshot(self, *, ends_second: bool = False) -> dict[str, Any]:
        """All figures now, as ``merging`` takes them and JSON shows them; a few hundred microseconds.

        ``ends_second`` begins the next second's search for the slowest sign-in.
        """
        for series, labels, read in self._watched:
            series[labels] = read()
        slowest_s = self._slowest_s
        if ends_second:
            self._slowest_s = 0.0
        return {
            "at_s": self._clock.utc_now_s(),
            "pid": os.getpid(),
            "numbers": {name: _flat(series) for name, series in self._numbers.items() if series},
            "histograms": {
                name: {key: cells[:] for key, cells in _flat(series).items()}
                for name, series in self._histograms.items()
                if series
            },
            "slowest_s": slowest_s,
            "running": [list(call) for call in self._running()],
            "problems": [list(problem) for problem in self._problems],
            "concerned": self._concerned.as_json(),
            "events": [list(event) for event in self._events],
        }


def _flat(series: dict[Labels, Any]) -> dict[str, Any]:
    return {"|".join(labels): value for labels, value in series.items()}
