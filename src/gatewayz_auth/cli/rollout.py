"""``gatewayz-auth rollout``: safety features for a share of people, stage by stage, with both cohorts side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gatewayz_auth.cli import output
from gatewayz_auth.cli.steering import KNOWN_WITHIN, add_why, at_desk, duration_s, in_words, why_of
from gatewayz_auth.cli.users import operator
from gatewayz_auth.domain.errors import NotKnown, SettingsError, StartupError
from gatewayz_auth.service.rollout import (
    HALTED,
    RUNNING,
    SOAK_S,
    STAGES,
    Cohort,
    Rollout,
    interval,
    quantile_interval_s,
    verdict,
)
from gatewayz_auth.service.rollout_watch import cohorts_seen
from gatewayz_auth.service.runtime_settings import Runtime, change

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from gatewayz_auth.bootstrap_runtime import RuntimeDesk
    from gatewayz_auth.settings import Settings

EXAMPLE = "gatewayz-auth rollout start --auto-advance"
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("action", nargs="?", choices=("show", "start", "advance", "halt", "finish"), default="show")
    parser.add_argument(
        "--stages", default=",".join(map(str, STAGES)), metavar="PERCENTS", help="shares of people (default: 10,50,100)"
    )
    parser.add_argument(
        "--soak", default=None, metavar="TIME", help="how long each stage takes at least (default: 30m)"
    )
    parser.add_argument("--auto-advance", action="store_true", help="go on by itself when it has soaked and is better")
    parser.add_argument("--force", action="store_true", help="advance before it has soaked, or where it is worse")
    add_why(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when done, 1 where it may not be done yet."""
    if arguments.action == "show":
        facts, text = at_desk(_show)
        output.show(facts, text, as_json=arguments.json)
        return 0
    after = at_desk(lambda desk, settings: _move(desk, settings, arguments))
    rollout = after.rollout
    share = 100 if rollout is None else rollout.share
    text = f"Safety features are on for {share} % of people. {KNOWN_WITHIN}"
    output.show(
        {"rollout": None if rollout is None else rollout.as_json(), "share": share}, text, as_json=arguments.json
    )
    return 0


async def _move(desk: RuntimeDesk, _: Settings, arguments: argparse.Namespace) -> Runtime:
    now_s = desk.clock.utc_now_s()
    action, why = arguments.action, why_of(arguments)
    begun = Rollout(
        _stages(arguments.stages),
        0,
        RUNNING,
        now_s,
        SOAK_S if arguments.soak is None else duration_s(arguments.soak),
        arguments.auto_advance,
        why or "started",
    )

    def make(before: Runtime) -> Runtime:
        rollout = before.rollout
        if action == "start":
            if rollout is not None and rollout.is_counting and rollout.state != HALTED:
                raise StartupError("A rollout is under way: gatewayz-auth rollout show, or halt it first.")
            return replace(before, rollout=begun)
        if rollout is None or not rollout.is_counting:
            raise StartupError("No rollout is under way. Start one: gatewayz-auth rollout start")
        if action == "halt":
            return replace(before, rollout=rollout.halted(now_s, why or "halted by hand"))
        if action == "finish":
            return replace(before, rollout=rollout.finished(now_s, why or "finished by hand"))
        if not arguments.force:
            _check(rollout, desk.files.seen(), now_s)
        return replace(before, rollout=rollout.advanced(now_s, why or "advanced by hand"))

    who = operator().who
    return await change(desk.store, make, who=who, what=f"rollout {action}", subject="rollout", why=why)


def _check(rollout: Rollout, seen: Mapping[str, Any], now_s: float) -> None:
    left_s = rollout.soaked_in_s(now_s)
    if left_s > 0:
        raise StartupError(f"This stage soaks for another {in_words(left_s)}: wait, or say --force.")
    cohorts = cohorts_seen(seen)
    if cohorts and (judged := verdict(cohorts["old"], cohorts["new"])).is_worse:
        raise StartupError(f"The new cohort is worse ({judged.why}): gatewayz-auth rollout halt, or say --force.")


def _stages(text: str) -> tuple[int, ...]:
    try:
        stages = tuple(int(part) for part in text.split(","))
    except ValueError:
        stages = ()
    if not stages or stages != tuple(sorted(set(stages))) or not 0 < stages[0] <= stages[-1] <= 100:  # noqa: PLR2004
        raise SettingsError([f"--stages {text!r} are no rising percents. Example: --stages 10,50,100"])
    return stages


async def _show(desk: RuntimeDesk, _: Settings) -> tuple[dict[str, Any], str]:
    try:
        runtime, is_away = await desk.store.read(), False
    except NotKnown:
        runtime, is_away = desk.files.held() or Runtime(), True
    rollout = runtime.rollout
    now_s = desk.clock.utc_now_s()
    note = "The database does not answer: this is what this host knew last, and it holds." if is_away else ""
    if rollout is None:
        text = "No rollout: safety features are on for everybody."
        return {"rollout": None, "database": "away" if is_away else "answers"}, f"{text}\n{note}".rstrip()
    seen = desk.files.seen() if rollout.is_counting else {}
    cohorts = cohorts_seen(seen)
    facts = {
        "rollout": rollout.as_json(),
        "share": rollout.share,
        "soaked_in_s": rollout.soaked_in_s(now_s),
        "cohorts": {name: _figures(cohort) for name, cohort in cohorts.items()},
        "verdict": seen.get("verdict"),
        "database": "away" if is_away else "answers",
    }
    lines = [f"{rollout.state}: safety features are on for {rollout.share} % of people ({rollout.why})."]
    if rollout.state == RUNNING and (left_s := rollout.soaked_in_s(now_s)) > 0:
        lines.append(f"This stage soaks for another {in_words(left_s)}.")
    lines += [_line(name, cohort) for name, cohort in cohorts.items()]
    lines += [f"As this host sees it: {seen['verdict']}."] if seen.get("verdict") else []
    return facts, "\n".join([*lines, *([note] if note else [])])


def _figures(cohort: Cohort) -> dict[str, Any]:
    """One cohort with the intervals that the true figures lie in, 19 times of 20; lengths in milliseconds."""
    n = cohort.requests
    rates = {"errors": cohort.errors, "timeouts": cohort.timeouts, "hits": cohort.hits}
    facts: dict[str, Any] = {"requests": n}
    for name, count in rates.items():
        facts[name] = {"count": count, "rate": count / n if n else None, "between": list(interval(count, n))}
    for name, share in _QUANTILES.items():
        value, between = cohort.took.quantile_s(share), quantile_interval_s(cohort.took, share)
        facts[name] = {
            "ms": None if value is None else value * 1e3,
            "between": None if between is None else [one * 1e3 for one in between],
        }
    return facts


def _line(name: str, cohort: Cohort) -> str:
    facts = _figures(cohort)
    if not cohort.requests:
        return f"  {name}: nobody yet"
    words = [f"{cohort.requests} sign-ins"]
    for key in _QUANTILES:
        low, high = facts[key]["between"]
        words.append(f"{key.upper()} {facts[key]['ms']:.1f} ms ({low:.1f} to {high:.1f})")
    for key, called in (("errors", "errors"), ("timeouts", "time-outs"), ("hits", "hits")):
        low, high = facts[key]["between"]
        words.append(f"{called} {facts[key]['rate']:.1%} ({low:.1%} to {high:.1%})")
    return f"  {name}: {', '.join(words)}"
