"""The report of a load: what it says, its verdict, and how it compares with earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.fine_histogram import LEAST_S, PRECISION, quantile_s
from gatewayz_auth.service.load_seen import Outcome, waits_ms, window_of
from gatewayz_auth.service.noise import Comparison, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gatewayz_auth.service.load_plan import Plan
    from gatewayz_auth.service.load_seen import Seen

FORMAT = 1
BUDGET_S = 8.0
"""Every answer leaves within this: the contract's AUTH_QUERY_TIMEOUT."""

LATE_S = 0.05
"""Where one caller of a hundred was let go later than this, the figures are of the machine that makes the load."""

MOST_IN_VAIN = 0.01
"""Of a hundred honest people one may be asked to come back before the load counts as too much for the service."""

_SAME = ("people", "rate", "seconds", "mix", "limit_s")


def report(plan: Plan, seen: Seen, facts: Mapping[str, Any], budget_s: float = BUDGET_S) -> dict[str, Any]:
    """All that a load found, without a comparison; ``facts`` (commit, when, where) stand in front."""
    verdict, why = _judged(plan, seen, budget_s)
    return {
        "format": FORMAT,
        **facts,
        "verdict": verdict,
        "why": why,
        "plan": plan.as_json(),
        "budget_s": budget_s,
        "came": seen.came,
        "unsent": seen.unsent,
        "answered": seen.answered - seen.outcomes[Outcome.NOTHING],
        "overdue": seen.overdue,
        "failed": seen.failed,
        "outcomes": {str(name): count for name, count in seen.outcomes.items()},
        "waits": {**waits_ms(seen.waits()), "slowest_ms": round(seen.slowest_s * 1e3, 3)},
        "lateness": {
            "p50_ms": round(seen.late_s(0.5) * 1e3, 3),
            "p99_ms": round(seen.late_s(0.99) * 1e3, 3),
            "worst_ms": round(seen.latest_s * 1e3, 3),
        },
        "kinds": seen.kinds_as_json(),
        "histogram": {"precision": PRECISION, "least_s": LEAST_S, "counts": sorted(seen.waits().items())},
        "window_s": plan.window_s,
        "windows": seen.windows_as_json(),
    }


def _judged(plan: Plan, seen: Seen, budget_s: float) -> tuple[str, str]:
    wrong, nothing, of = seen.outcomes[Outcome.WRONG], seen.outcomes[Outcome.NOTHING], seen.answered
    late_ms = seen.late_s(0.99) * 1e3
    gave_up = f"{plan.limit_s:g} s were waited, or the line broke"
    reasons = (
        (wrong, "failed", f"{wrong} of {of} were answered wrongly."),
        (nothing, "failed", f"{nothing} of {of} had no answer: {gave_up}."),
        (seen.overdue, "failed", f"{seen.overdue} of {of} waited longer than {budget_s:g} s."),
        (seen.unsent, "unknown", f"{seen.unsent} could not come: as many as may wait here waited already."),
        (not of, "unknown", "Nobody came."),
        (
            late_ms > LATE_S * 1e3,
            "unknown",
            f"This machine was late itself: P99 of {late_ms:.0f} ms before a caller came.",
        ),
        (
            seen.failed > MOST_IN_VAIN * of,
            "failed",
            f"{seen.failed} of {of} were not signed in: the service was asked for too much.",
        ),
    )
    passed = f"All {of} were answered within {seen.slowest_s:.3g} s, {seen.failed} of them in vain."
    return next(((verdict, why) for is_so, verdict, why in reasons if is_so), ("passed", passed))


def compared(mine: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]], dice: Callable[[], float]) -> Comparison:
    """``mine`` beside one earlier report or several; ``unknown`` where they were not made alike."""
    for other in earlier:
        if unlike := unlike_in(mine, other):
            return Comparison("unknown", f"the loads were not alike: {unlike}")
    before = [[window_of(window) for window in one["windows"]] for one in earlier]
    now = [window_of(window) for window in mine["windows"]]
    return compare(before, now, quantile_s, dice)


def unlike_in(mine: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """What the two loads differ in, in words; empty where they are alike."""
    if other.get("format") != FORMAT:
        return f"a report of format {other.get('format')}, this is {FORMAT}"
    plan, than = mine["plan"], other["plan"]
    return ", ".join(
        f"{name} {plan.get(name)}, was {than.get(name)}" for name in _SAME if plan.get(name) != than.get(name)
    )


def with_comparison(mine: Mapping[str, Any], found: Comparison) -> dict[str, Any]:
    """The report with what was found beside earlier ones; being worse is its verdict, being failed stays one."""
    verdict, why = mine["verdict"], mine["why"]
    if verdict == "passed" and found.verdict in {"worse", "unknown"}:
        verdict, why = found.verdict, f"{found.why[:1].upper()}{found.why[1:]}."
    return {**mine, "verdict": verdict, "why": why, "comparison": found.as_json()}


def is_report(found: Mapping[str, Any]) -> bool:
    """Whether ``found`` has what a comparison reads."""
    windows = found.get("windows")
    return isinstance(found.get("plan"), dict) and isinstance(windows, list) and all(map(_is_window, windows))


def _is_window(found: Any) -> bool:  # noqa: ANN401 - whatever lay in a file
    try:
        window_of(found)
    except (ValueError, KeyError, TypeError):
        return False
    return True
