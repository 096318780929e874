"""``gatewayz-auth rollout``: safety features for a share of people, stage by stage, with both cohorts side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gatewayz_auth.cli import output
from gatewayz_auth.cli.steering import KNOWN_WITHIN, add_why, at_desk, duration_s, in_words, why_of
from gatewayz_auth.cli.who_types import operator
from gatewayz_auth.domain.errors import NotKnown, SettingsError
from gatewayz_auth.service.rollout import RUNNING, SOAK_S, STAGES, Cohort, Rollout
from gatewayz_auth.service.rollout_moves import QUANTILES, figures_of, moved
from gatewayz_auth.service.rollout_watch import cohorts_seen
from gatewayz_auth.service.runtime_settings import Runtime, change

if TYPE_CHECKING:
    import argparse

    from gatewayz_auth.bootstrap_runtime_desk import RuntimeDesk
    from gatewayz_auth.settings import Settings

EXAMPLE = "gatewayz-auth rollout start --auto-advance"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("show", "start", "advance", "halt", "finish"),
        default="show",
        help="show: both cohorts (default); start: at the first stage; advance: to the next; halt: back one stage, "
        "from the first to nobody; finish: on for everybody",
    )
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
    seen = None if arguments.force else desk.files.seen()

    def make(before: Runtime) -> Runtime:
        return replace(before, rollout=moved(before.rollout, action, begun, why, now_s, seen))

    who = operator().who
    return await change(desk.store, make, who=who, what=f"rollout {action}", subject="rollout", why=why)


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
        "cohorts": {name: figures_of(cohort) for name, cohort in cohorts.items()},
        "verdict": seen.get("verdict"),
        "database": "away" if is_away else "answers",
    }
    lines = [f"{rollout.state}: safety features are on for {rollout.share} % of people ({rollout.why})."]
    if rollout.state == RUNNING and (left_s := rollout.soaked_in_s(now_s)) > 0:
        lines.append(f"This stage soaks for another {in_words(left_s)}.")
    lines += [_line(name, cohort) for name, cohort in cohorts.items()]
    lines += [f"As this host sees it: {seen['verdict']}."] if seen.get("verdict") else []
    return facts, "\n".join([*lines, *([note] if note else [])])


def _line(name: str, cohort: Cohort) -> str:
    facts = figures_of(cohort)
    if not cohort.requests:
        return f"  {name}: nobody yet"
    words = [f"{cohort.requests} sign-ins"]
    for key in QUANTILES:
        low, high = facts[key]["between"]
        words.append(f"{key.upper()} {facts[key]['ms']:.1f} ms ({low:.1f} to {high:.1f})")
    for key, called in (("errors", "errors"), ("timeouts", "time-outs"), ("hits", "hits")):
        low, high = facts[key]["between"]
        words.append(f"{called} {facts[key]['rate']:.1%} ({low:.1%} to {high:.1%})")
    return f"  {name}: {', '.join(words)}"
