"""Makes one of the figures of several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.adapters.figures.catalogue import BY_NAME, Kind, Merge
from gatewayz_auth.service.concerned import laid_over, people_in
from gatewayz_auth.service.histogram import BUCKETS, Histogram
from gatewayz_auth.service.overview import Event, PoolSeen, Problem, Running, Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatewayz_auth.adapters.figures.catalogue import Metric

Snapshot = dict[str, Any]
"""What ``Figures.snapshot`` gives; labels are joined by ``|``."""

POSTGRES = "postgres"
SHOWN_PROBLEMS = 50
SHOWN_RUNNING = 50


def what_remains(retired: Snapshot, ended: Snapshot) -> Snapshot:
    """``retired`` with what an ended process leaves behind: its counts. Its states ended with it."""
    numbers: dict[str, dict[str, float]] = {name: dict(series) for name, series in retired.get("numbers", {}).items()}
    for name, series in ended.get("numbers", {}).items():
        metric = BY_NAME.get(name)
        if metric is not None and metric.kind is Kind.COUNTER:
            _add(metric, numbers.setdefault(name, {}), series)
    histograms = {name: dict(series) for name, series in retired.get("histograms", {}).items()}
    for name, series in ended.get("histograms", {}).items():
        for key, cells in series.items():
            kept = histograms.setdefault(name, {})
            kept[key] = [a + b for a, b in zip(kept[key], cells, strict=True)] if key in kept else cells
    return {
        "numbers": numbers,
        "histograms": histograms,
        "problems": [*retired.get("problems", ()), *ended.get("problems", ())][-SHOWN_PROBLEMS:],
        "concerned": laid_over(_concerned(retired, ended), ended.get("at_s", 0.0)),
        "events": [*retired.get("events", ()), *ended.get("events", ())][-SHOWN_PROBLEMS:],
    }


def _add(metric: Metric, whole: dict[str, float], series: Mapping[str, float]) -> None:
    for key, value in series.items():
        is_max = metric.merge is Merge.MAX or key.partition("|")[0] in metric.shared
        kept = whole.get(key)
        whole[key] = value if kept is None else max(kept, value) if is_max else kept + value


def totals(living: Sequence[Snapshot], retired: Snapshot, ended: int, at_s: float) -> Totals:
    """The figures of the ``living`` processes together with what ``ended`` ones left."""
    numbers: dict[str, dict[str, float]] = {}
    histograms: dict[str, dict[tuple[str, ...], Histogram]] = {}
    for snapshot in (retired, *living):
        for name, series in snapshot.get("numbers", {}).items():
            if name in BY_NAME:
                _add(BY_NAME[name], numbers.setdefault(name, {}), series)
        for name, cells_by_key in snapshot.get("histograms", {}).items():
            whole = histograms.setdefault(name, {})
            for key, cells in cells_by_key.items():
                one = Histogram(tuple(int(count) for count in cells[:BUCKETS]), cells[BUCKETS])
                labels = tuple(key.split("|"))
                whole[labels] = whole[labels].plus(one) if labels in whole else one
    numbers["processes"] = {"": len(living)}
    numbers["processes_ended_total"] = {"": ended}
    split = {name: {_labels(key): value for key, value in series.items()} for name, series in numbers.items()}
    running = [Running(*entry) for snapshot in living for entry in snapshot.get("running", ())]
    return Totals(
        at_s=at_s,
        processes=len(living),
        numbers=split,
        histograms=histograms,
        slowest_s=max((snapshot.get("slowest_s", 0.0) for snapshot in living), default=0.0),
        running=sorted(running, key=lambda call: -call.for_s)[:SHOWN_RUNNING],
        problems=sorted(_all("problems", Problem, living, retired), key=lambda problem: -problem.at_s)[:SHOWN_PROBLEMS],
        concerned=people_in(laid_over(_concerned(retired, *living), at_s)),
        events=sorted(_all("events", Event, living, retired), key=lambda event: event.at_s),
        pools=[pool for snapshot in living if (pool := _pool(snapshot)) is not None],
    )


def _pool(snapshot: Snapshot) -> PoolSeen | None:
    def number(name: str, *labels: str) -> int:
        return int(snapshot.get("numbers", {}).get(name, {}).get("|".join((POSTGRES, *labels)), 0))

    max_size = number("pool_size_max")
    if "pid" not in snapshot or not max_size:
        return None
    return PoolSeen(
        snapshot["pid"],
        max_size,
        active=number("pool_connections", "active"),
        idle=number("pool_connections", "idle"),
        broken=number("pool_connections", "broken"),
        waiting=number("pool_waiting"),
        running=[Running(*entry) for entry in snapshot.get("running", ()) if entry[0] == POSTGRES],
    )


def _all(name: str, kind: Any, living: Iterable[Snapshot], retired: Snapshot) -> list[Any]:  # noqa: ANN401 - a tuple
    return [kind(*entry) for snapshot in (retired, *living) for entry in snapshot.get(name, ())]


def _concerned(*snapshots: Snapshot) -> list[dict[str, str]]:
    return [snapshot.get("concerned", {}) for snapshot in snapshots]


def _labels(key: str) -> tuple[str, ...]:
    return tuple(key.split("|")) if key else ()
