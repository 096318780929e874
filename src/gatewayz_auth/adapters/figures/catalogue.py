"""Every figure by name: what ``docs/reference/metrics.md`` is written from, and all that ``Figures`` accepts."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "gatewayz_auth_"


class Kind(enum.StrEnum):
    """As Prometheus knows them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(enum.StrEnum):
    """How one figure is made of those of all processes."""

    SUM = "sum"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: its name without the prefix, what it says, and its labels with what each may hold."""

    name: str
    kind: Kind
    help: str
    labels: Mapping[str, str] = field(default_factory=dict)
    merge: Merge = Merge.SUM
    shared: frozenset[str] = frozenset()
    """First labels of series that every process sees alike: the greatest is taken, not the sum."""


_NEIGHBOUR = "`postgres`, `redis`"
_OPERATION = "the name of a statement or command, from the code"
_TIER = "`process`, `redis`"
_TASK = "the name of a kind of job, from the code"

METRICS: tuple[Metric, ...] = (
    Metric(
        "sign_in_duration_seconds",
        Kind.HISTOGRAM,
        "Every answered sign-in, from its first byte to its answer.",
        {
            "outcome": "`ok`, `refused`, `unknown`, `limited`, `invalid`",
            "source": "`cache`, `database`, `last-known-good`; `none` where the outcome is not `ok`",
        },
    ),
    Metric(
        "sign_in_phase_seconds",
        Kind.HISTOGRAM,
        "Where the time of a sign-in went.",
        {"phase": "`parse`, `verify`, then the source of the answer, or `lookup` where there was none"},
    ),
    Metric("problems_total", Kind.COUNTER, "Sign-ins that were not answered with a key.", {"code": "an error code"}),
    Metric(
        "tokens_refused_total",
        Kind.COUNTER,
        "Tokens that were not accepted, by the check that failed; callers are never told which.",
        {"reason": "a word from the code"},
    ),
    Metric(
        "cache_requests_total",
        Kind.COUNTER,
        "Questions to what is remembered.",
        {"tier": _TIER, "result": "`hit`, `miss`, `stale` (there, but not fresh), `error`"},
    ),
    Metric(
        "last_known_good_age_seconds",
        Kind.GAUGE,
        "The age of the oldest answer that was given from last known good within the last minute; 0 where none was.",
        merge=Merge.MAX,
    ),
    Metric(
        "cache_evictions_total",
        Kind.COUNTER,
        "Answers dropped to make room for others; for Redis, keys of whomever.",
        {"tier": _TIER},
        shared=frozenset({"redis"}),
    ),
    Metric(
        "cache_entries",
        Kind.GAUGE,
        "Answers remembered now; for Redis, all keys that it holds.",
        {"tier": _TIER},
        shared=frozenset({"redis"}),
    ),
    Metric(
        "query_duration_seconds",
        Kind.HISTOGRAM,
        "How long callers waited for a neighbour, those given up included.",
        {"neighbour": _NEIGHBOUR, "operation": _OPERATION},
    ),
    Metric(
        "query_timeouts_total",
        Kind.COUNTER,
        "Calls that were given up at their limit, or because a breaker opened.",
        {"neighbour": _NEIGHBOUR, "operation": _OPERATION},
    ),
    Metric(
        "abandoned_calls",
        Kind.GAUGE,
        "Calls that were walked away from and still run.",
        {"neighbour": _NEIGHBOUR},
    ),
    Metric("abandoned_calls_total", Kind.COUNTER, "Calls that were ever walked away from.", {"neighbour": _NEIGHBOUR}),
    Metric(
        "pool_connections",
        Kind.GAUGE,
        "Connections by what they do; `broken`: lost or outdated, and not given back yet.",
        {"neighbour": _NEIGHBOUR, "state": "`active`, `idle`, `broken`"},
    ),
    Metric("pool_size_max", Kind.GAUGE, "Connections there may be.", {"neighbour": _NEIGHBOUR}),
    Metric("pool_waiting", Kind.GAUGE, "Callers who wait for a connection.", {"neighbour": _NEIGHBOUR}),
    Metric(
        "pool_exhausted_total",
        Kind.COUNTER,
        "Callers who found every connection taken.",
        {"neighbour": _NEIGHBOUR},
    ),
    Metric(
        "breaker_state",
        Kind.GAUGE,
        "The circuit breaker: 0 closed, 1 half-open, 2 open; of all processes the worst.",
        {"neighbour": _NEIGHBOUR},
        Merge.MAX,
    ),
    Metric("breaker_transitions_total", Kind.COUNTER, "Changes of the breaker's state.", {"neighbour": _NEIGHBOUR}),
    Metric(
        "job_total",
        Kind.COUNTER,
        "Jobs by how they ended.",
        {"task": _TASK, "result": "`done`, `retried`, `failed`, or `refused_` and a word from the code"},
    ),
    Metric(
        "job_oldest_pending_seconds",
        Kind.GAUGE,
        "The age of the oldest job that waits, in seconds; 0 where none does.",
        {"task": _TASK},
        Merge.MAX,
    ),
    Metric("job_duration_seconds", Kind.HISTOGRAM, "How long jobs ran.", {"task": _TASK}),
    Metric(
        "task_restarts_total",
        Kind.COUNTER,
        "Background tasks that failed and were started again.",
        {"task": "the name of a background task, from the code"},
    ),
    Metric("tasks", Kind.GAUGE, "Tasks of the event loops: what is under way now, connections and upkeep included."),
    Metric("loop_blocked_total", Kind.COUNTER, "Times that an event loop did not turn in time."),
    Metric(
        "log_lines_lost_total",
        Kind.COUNTER,
        "Log lines that were not written.",
        {"why": "`full` (the sink takes no more), `storm` (too many of one kind)"},
    ),
    Metric(
        "rollout_look_up_seconds",
        Kind.HISTOGRAM,
        "While features are rolled out: how long look-ups took, by cohort.",
        {
            "cohort": "`old`, `new`",
            "result": "`cache`, `database`, `last-known-good`, `refused`, `unknown`, `timed_out`",
        },
    ),
    Metric("processes", Kind.GAUGE, "Processes that answer."),
    Metric("processes_ended_total", Kind.COUNTER, "Processes that ended since the service was started."),
    Metric(
        "build_info",
        Kind.GAUGE,
        "Always 1; the labels say which build this is.",
        {"version": "of the package", "commit": "of the checkout, `unknown` elsewhere"},
        Merge.MAX,
    ),
)

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
