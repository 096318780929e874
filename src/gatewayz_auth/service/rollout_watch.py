"""Judges a rollout by what this host sees of both cohorts since its stage began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.histogram import Histogram
from gatewayz_auth.service.rollout import FEW, Cohort, Rollout, next_step, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

FIGURE = "rollout_look_up_seconds"
ERRORS = ("unknown", "timed_out")
HITS = ("cache", "last-known-good")


def cohort_of(histograms: Mapping[tuple[str, ...], Histogram], cohort: str) -> Cohort:
    """What ``FIGURE`` says of one cohort."""
    mine = {labels[1]: took for labels, took in histograms.items() if labels[0] == cohort}
    whole = Histogram()
    for took in mine.values():
        whole = whole.plus(took)

    def count(*results: str) -> int:
        return sum(took.count for result, took in mine.items() if result in results)

    return Cohort(whole.count, count(*ERRORS), count("timed_out"), count(*HITS), whole)


class RolloutWatch:
    """Counts both cohorts from where the stage began, which it tells and is told by what was seen before it."""

    def __init__(self) -> None:
        """Have seen nothing yet."""
        self._stage = ""
        self._base = {"old": Cohort(), "new": Cohort()}
        self._before = Cohort()
        self._now = {"old": Cohort(), "new": Cohort()}

    def look(self, rollout: Rollout, histograms: Mapping[tuple[str, ...], Histogram], seen: Mapping[str, Any]) -> None:
        """See the figures as they are now; ``seen`` is what any process of this host kept last."""
        totals = {name: cohort_of(histograms, name) for name in ("old", "new")}
        stage = f"{rollout.stage} {rollout.state} {rollout.since_s}"
        if stage != self._stage:
            self._begin(stage, totals, seen)
        for name, total in totals.items():
            if total.requests < self._base[name].requests:  # another run of the service: it counts from nothing
                self._base[name] = Cohort()
            self._now[name] = total.since(self._base[name])

    def _begin(self, stage: str, totals: dict[str, Cohort], seen: Mapping[str, Any]) -> None:
        if self._now["old"].requests >= FEW:
            self._before = self._now["old"]
        self._stage = stage
        self._base = dict(totals)
        if seen.get("stage") == stage:
            self._base = {name: _cohort(seen["base"][name]) for name in totals}
            self._before = _cohort(seen["before"])

    @property
    def cohorts(self) -> tuple[Cohort, Cohort]:
        """The old cohort and the new one; the old one of the stage before where there is hardly anybody left in it."""
        old = self._now["old"]
        return (old if old.requests >= FEW else self._before if self._before.requests else old), self._now["new"]

    def next(self, rollout: Rollout, now_s: float) -> Rollout | None:
        """Where the rollout goes by itself; None: it stays."""
        return next_step(rollout, *self.cohorts, now_s)

    def as_json(self, now_s: float) -> dict[str, Any]:
        """What commands show, and what whoever counts on begins with."""
        old, new = self.cohorts
        return {
            "at_s": now_s,
            "stage": self._stage,
            "base": {name: _plain(one) for name, one in self._base.items()},
            "before": _plain(self._before),
            "cohorts": {"old": _plain(old), "new": _plain(new)},
            "verdict": verdict(old, new).why,
        }


def _plain(cohort: Cohort) -> list[Any]:
    took = cohort.took
    return [cohort.requests, cohort.errors, cohort.timeouts, cohort.hits, list(took.counts), took.sum_s]


def _cohort(plain: list[Any]) -> Cohort:
    requests, errors, timeouts, hits, counts, sum_s = plain
    return Cohort(requests, errors, timeouts, hits, Histogram(tuple(counts), sum_s))


def cohorts_seen(seen: Mapping[str, Any]) -> dict[str, Cohort]:
    """Both cohorts out of what ``RolloutWatch.as_json`` wrote; empty where it wrote nothing."""
    return {name: _cohort(plain) for name, plain in (seen.get("cohorts") or {}).items()}
