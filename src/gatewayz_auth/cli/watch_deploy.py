"""``gatewayz-auth watch --after-deploy``: the time since a deployment beside the time before, and a verdict."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gatewayz_auth.cli import output
from gatewayz_auth.cli.asking import NotReachable, Service
from gatewayz_auth.cli.durations import duration_s, in_words
from gatewayz_auth.cli.progress import Progress
from gatewayz_auth.domain.errors import OperatorError, SettingsError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import Dice
from gatewayz_auth.service.deploy_watch import Stretch, judged
from gatewayz_auth.service.history import Frame
from gatewayz_auth.service.noise import CERTAIN_Z, REPEATED_Z, Comparison
from gatewayz_auth.service.noise import in_words as difference_in_words

if TYPE_CHECKING:
    import argparse

EXIT_CODES = {"same": 0, "better": 0, "worse": 1, "unknown": 3}
DAY_S = 86400.0
LAG_S = 3.0
"""Figures of all processes are at most so old."""

PATIENCE_S = 60.0
"""A service that was not reached for so long is given up."""

_LOOKS = 200
_MOST_EACH_S = 30.0
_PIPED_EACH_S = 60.0
_SEED = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    add = parser.add_argument
    add("--after-deploy", metavar="TIME", help="watch for so long after a deployment, compare with before, and judge")
    add("--before", metavar="TIME", help="how much of the time before is compared with (default: as long, 24h at most)")
    add("--since", metavar="TIME", help="how long ago it was deployed (default: when the service there was started)")


def run(arguments: argparse.Namespace) -> int:
    """Watch and judge; 0 not worse, 1 worse beyond noise, 3 nothing can be said."""
    clock = SystemClock()
    after_s = _within_a_day("--after-deploy", arguments.after_deploy)
    before_s = after_s if arguments.before is None else _within_a_day("--before", arguments.before)
    since_s = None if arguments.since is None else _within_a_day("--since", arguments.since)
    service = Service(arguments.url)
    tell = Progress(clock, each_s=min(_PIPED_EACH_S, max(1.0, after_s / 10)))
    watching = _Watching(service, clock)
    try:
        deployed_s = watching.deployed_s(since_s, after_s)
        before = Stretch(deployed_s - before_s, deployed_s)
        before.add(watching.frames(before.from_s))
    except NotReachable as error:
        facts = {"verdict": "unknown", "why": f"{service.url} is not reachable: {error}"}
        output.show(facts, f"? {facts['why']}", as_json=arguments.json)
        return EXIT_CODES["unknown"]
    after = Stretch(deployed_s, deployed_s + after_s)
    found = watching.until_judged(before, after, tell)
    tell.end()
    told = {
        "verdict": found.verdict,
        "why": found.why,
        "deployed_at": dt.datetime.fromtimestamp(deployed_s, dt.UTC).isoformat(timespec="seconds"),
        "before": before.as_json(),
        "after": after.as_json(),
        "differences": found.as_json()["differences"],
    }
    output.show(told, text(told, found), as_json=arguments.json)
    return EXIT_CODES[found.verdict]


def _within_a_day(name: str, value: str) -> float:
    seconds = duration_s(value)
    if seconds > DAY_S:
        raise SettingsError([f"{name} {value!r} is more than a day: no more is remembered. Example: {name} 24h"])
    return seconds


class _Watching:
    """Asks the service for its history, again and again, and never longer than there is patience."""

    def __init__(self, service: Service, clock: SystemClock) -> None:
        self._service = service
        self._clock = clock
        self._pause = threading.Event()
        self._at_s = self._heard_s = 0.0

    @property
    def now_s(self) -> float:
        """UTC seconds by the service's clock, which need not be this machine's."""
        return self._at_s + self._clock.monotonic_s() - self._heard_s

    def deployed_s(self, since_s: float | None, after_s: float) -> float:
        """When it was deployed, in UTC seconds of the service's clock."""
        _, now = self._service.get("/figures")
        if "at_s" not in now:
            raise OperatorError(
                f"{self._service.url} does not show its figures: set ADMIN_TOKEN, or name the address of OPS_LISTEN."
            )
        at_s, started_s = float(now["at_s"]), float(now.get("started_s") or 0.0)
        self._at_s, self._heard_s = at_s, self._clock.monotonic_s()
        if since_s is not None:
            return at_s - since_s
        return started_s if at_s - started_s < after_s else at_s

    def frames(self, from_s: float) -> list[Frame]:
        """What happened after ``from_s``, oldest first."""
        span_s = int(min(DAY_S, max(1.0, self.now_s - from_s + 2 * LAG_S)))
        _, told = self._service.get(f"/figures?frames={span_s}")
        try:
            found = [Frame.from_dict(shown) for shown in told["frames"]]
            self._at_s, self._heard_s = float(told["at_s"]), self._clock.monotonic_s()
            return found  # noqa: TRY300 - what is read above is what may be missing
        except (KeyError, TypeError, ValueError):
            raise NotReachable("it does not tell its history: is it of an older version?") from None

    def until_judged(self, before: Stretch, after: Stretch, tell: Progress) -> Comparison:
        """The verdict at the end; earlier where it is worse by far, or the service was not reached for too long."""
        length_s = after.until_s - after.from_s
        each_s = min(_MOST_EACH_S, max(1.0, length_s / _LOOKS))
        while True:
            try:
                after.add(self.frames(after.seen_s))
            except NotReachable as error:
                silent_s = self._clock.monotonic_s() - self._heard_s
                if silent_s >= min(PATIENCE_S, length_s):
                    why = f"{self._service.url} was not reached for {in_words(silent_s)}: {error}"
                    return Comparison("unknown", why)
            found = judged(before, after, Dice(_SEED).fraction, REPEATED_Z)
            if found.verdict == "worse":
                return replace(found, why=f"{found.why}; ended early, {in_words(after.seen_s - after.from_s)} after it")
            left_s = after.until_s + LAG_S - self.now_s
            tell(_line(after, left_s, found))
            if left_s <= 0:
                return judged(before, after, Dice(_SEED).fraction, CERTAIN_Z)
            self._pause.wait(min(each_s, left_s))


def _line(after: Stretch, left_s: float, found: Comparison) -> str:
    shown = after.as_json()
    p99 = "-" if shown["p99_ms"] is None else f"{shown['p99_ms']:.1f} ms"
    return (
        f"{in_words(max(0.0, left_s))} to go: {shown['sign_ins']:,} sign-ins, {shown['errors']} not answered, "
        f"P99 {p99}; so far {found.verdict}"
    )


def text(told: dict[str, Any], found: Comparison) -> str:
    """The verdict, both times side by side, and each figure's interval."""
    sign = {"worse": "✕", "unknown": "?"}.get(told["verdict"], "✓")
    lines = [f"{sign} {told['verdict']}: {told['why']}"]
    lines += [f"  {name}: {_figures(told[name])}" for name in ("before", "after")]
    lines += [f"    {difference_in_words(one)}" for one in found.differences]
    if told["verdict"] == "worse":
        lines.append(
            "  What to do: gatewayz-auth rollback --partial --dry-run, or the version before (docs/how-to/deploy.md)"
        )
    return "\n".join(lines)


def _figures(shown: dict[str, Any]) -> str:
    if not shown["sign_ins"]:
        return f"nobody came in the {in_words(shown['seconds'])} that were seen"
    low, high = shown["error_rate_between"]
    hits = "-" if shown["hit_rate"] is None else f"{shown['hit_rate']:.0%}"
    return (
        f"{shown['sign_ins']:,} sign-ins in {in_words(shown['seconds'])}, {shown['per_s']:.2f} a second, "
        f"P50 {shown['p50_ms']:.1f} ms, P95 {shown['p95_ms']:.1f} ms, P99 {shown['p99_ms']:.1f} ms, "
        f"not answered {shown['errors']} ({low:.2%} to {high:.2%}), time-outs {shown['timeouts']}, hits {hits}"
    )
