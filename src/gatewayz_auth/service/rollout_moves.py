"""What operators do to a rollout, and the figures that they decide by: for commands and for the console alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.errors import OperatorError
from gatewayz_auth.service.rollout import HALTED, interval, quantile_interval_s, verdict
from gatewayz_auth.service.rollout_watch import cohorts_seen
from gatewayz_auth.service.situation import span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.service.rollout import Cohort, Rollout

MOVES = ("start", "advance", "halt", "finish")
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def moved(  # noqa: PLR0913 - what is there, what is done, and what it is done by
    before: Rollout | None, move: str, begun: Rollout, why: str, now_s: float, seen: Mapping[str, Any] | None
) -> Rollout:
    """The rollout after one of ``MOVES``; ``begun`` is what ``start`` starts.

    ``OperatorError`` where it may not be: it only advances when it has soaked and is not worse by what was ``seen``;
    None forces it.
    """
    if move == "start":
        if before is not None and before.is_counting and before.state != HALTED:
            raise OperatorError("A rollout is under way: gatewayz-auth rollout show, or halt it first.")
        return begun
    if before is None or not before.is_counting:
        raise OperatorError("No rollout is under way. Start one: gatewayz-auth rollout start")
    if move == "halt":
        return before.halted(now_s, why or "halted by hand")
    if move == "finish":
        return before.finished(now_s, why or "finished by hand")
    if seen is not None:
        _check(before, seen, now_s)
    return before.advanced(now_s, why or "advanced by hand")


def _check(rollout: Rollout, seen: Mapping[str, Any], now_s: float) -> None:
    left_s = rollout.soaked_in_s(now_s)
    if left_s > 0:
        raise OperatorError(
            f"This stage soaks for another {span(left_s)}: wait, or gatewayz-auth rollout advance --force."
        )
    cohorts = cohorts_seen(seen)
    if cohorts and (judged := verdict(cohorts["old"], cohorts["new"])).is_worse:
        raise OperatorError(
            f"The new cohort is worse ({judged.why}): halt it, or gatewayz-auth rollout advance --force."
        )


def figures_of(cohort: Cohort) -> dict[str, Any]:
    """One cohort with the intervals that the true figures lie in, 19 times of 20; lengths in milliseconds."""
    n = cohort.requests
    rates = {"errors": cohort.errors, "timeouts": cohort.timeouts, "hits": cohort.hits}
    facts: dict[str, Any] = {"requests": n}
    for name, count in rates.items():
        facts[name] = {"count": count, "rate": count / n if n else None, "between": list(interval(count, n))}
    for name, share in QUANTILES.items():
        value, between = cohort.took.quantile_s(share), quantile_interval_s(cohort.took, share)
        facts[name] = {
            "ms": None if value is None else value * 1e3,
            "between": None if between is None else [one * 1e3 for one in between],
        }
    return facts
