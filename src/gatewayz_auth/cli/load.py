"""``gatewayz-auth load``: callers who come at a rate, answered or not, and a report of what they saw."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import re
import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import uvloop

from gatewayz_auth.adapters.figures.build import UNKNOWN, commit
from gatewayz_auth.adapters.load_lines import Lines, NoAnswer
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.cli import load_people, output
from gatewayz_auth.cli.asking import NotReachable, Service
from gatewayz_auth.cli.durations import duration_s
from gatewayz_auth.cli.load_reports import earlier_report, text, write
from gatewayz_auth.cli.load_run import Load
from gatewayz_auth.cli.progress import Progress
from gatewayz_auth.domain.errors import OperatorError, SettingsError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import Dice, SystemEntropy
from gatewayz_auth.service import load_report
from gatewayz_auth.service.load_plan import MIX, Kind, Plan, arrivals, read_mix
from gatewayz_auth.settings import load_environment, read_settings

if TYPE_CHECKING:
    import argparse

EXAMPLE = "gatewayz-auth load --url http://localhost:8000 --people 1000 --rate 100 --for 60s"
EXIT_CODES = {"passed": 0, "failed": 1, "worse": 1, "unknown": 3}
WAY_S = 0.5
"""What an answer may take on its way, besides the time within which it leaves."""

_MIX = ",".join(f"{kind}={share:g}" for kind, share in MIX.items())
_BUILD_LIMIT_S = 5.0
_GIT_LIMIT_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    plain = Plan()
    add = parser.add_argument
    add("--url", metavar="URL", help="where it is (default: what `serve` left in the state folder)")
    add("--people", type=int, default=plain.people, metavar="N", help="how many return again and again (1000)")
    add("--mix", default=_MIX, metavar="SHARES", help=f"who comes (default: {_MIX})")
    add("--rate", type=float, default=plain.rate, metavar="R", help="callers a second, answered or not (50)")
    add("--for", dest="span", default="30s", metavar="TIME", help="for how long they come (default: 30s)")
    add("--limit", type=float, default=plain.limit_s, metavar="S", help="seconds after which a caller gives up (30)")
    add("--seed", type=int, default=plain.seed, metavar="N", help="the same seed, the same callers (7)")
    add("--tokens", metavar="FILE", help="bodies to send, one a line, where the development issuer is not believed")
    add("--report", metavar="FILE", help="write the report there, and its picture beside it (.svg)")
    add("--compare", metavar="FILE", action="append", default=[], help="an earlier report; again for several")
    add("--yes-host", metavar="HOST", help="name the host once more: needed where it is not this machine")
    parser.epilog = (
        f"{parser.epilog}\n\nExit codes: 0 as promised, 1 not as promised, or worse than before, 2 asked wrongly, "
        "3 nothing can be said of it."
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry it out and tell; 0 as promised, 1 not as promised or worse, 3 nothing can be said."""
    plan = _plan(arguments)
    environ = load_environment(Path.cwd())
    service = Service(arguments.url)
    target = _target(service.url, arguments.yes_host)
    earlier = [earlier_report(Path(name)) for name in arguments.compare]
    clock = SystemClock()
    tell = Progress(clock)
    budget_s = _budget_s(service)
    come = arrivals(plan, Dice(plan.seed).fraction)
    newcomers = sum(arrival.kind is Kind.NEW for arrival in come)
    if arguments.tokens:
        people = load_people.read(Path(arguments.tokens), plan, newcomers)
    else:
        state = Path(read_settings(environ, dev=True).state_dir)
        people = load_people.issued(DevIssuer(state, SystemEntropy()), plan, newcomers, clock.utc_now_s(), tell)

    async def work() -> tuple[Load, str]:
        lines = Lines(target.host, target.port, clock, target.tls)
        load = Load(lines, target.shown, plan, people, clock, budget_s=budget_s + WAY_S, tell=tell)
        build = await _build(target, clock)
        try:
            await load.warm_up()
            await load.run(come)
        finally:
            await lines.close()
        return load, build

    load, build = uvloop.run(work())
    tell.end()
    facts = {
        "at": dt.datetime.fromtimestamp(clock.utc_now_s(), dt.UTC).isoformat(timespec="seconds"),
        "commit": build or commit(),
        "commit_of": "service" if build else "checkout",
        "is_changed": _is_changed(),
        "url": service.url,
    }
    told = load_report.report(plan, load.seen, facts, budget_s + WAY_S)
    if earlier:
        found = load_report.compared(told, earlier, Dice(plan.seed).fraction)
        told = load_report.with_comparison(told, found)
    if arguments.report:
        write(Path(arguments.report), told)
    output.show(told, text(told, arguments.report), as_json=arguments.json)
    return EXIT_CODES[told["verdict"]]


def _plan(arguments: argparse.Namespace) -> Plan:
    try:
        mix = read_mix(arguments.mix)
    except ValueError as error:
        raise SettingsError([f"--mix {arguments.mix!r}: {error}. Example: --mix {_MIX}"]) from None
    plan = Plan(arguments.people, arguments.rate, duration_s(arguments.span), mix, arguments.limit, arguments.seed)
    if faults := plan.faults():
        raise SettingsError(faults)
    return plan


class _Target(NamedTuple):
    host: str
    port: int
    shown: str
    tls: ssl.SSLContext | None


def _target(url: str, named: str | None) -> _Target:
    """Where to call; refuses any host but this machine that was not named twice."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:
        raise SettingsError([f"--url {url!r} has no port that exists. Example: --url http://localhost:8000"]) from None
    if not _is_here(host) and (named or "").lower() != host:
        raise SettingsError(
            [f"--url {url!r} is not this machine, and a load makes accounts there: name it twice, --yes-host {host}"]
        )
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    return _Target(host, port or (443 if tls else 80), parts.netloc.rpartition("@")[2], tls)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _budget_s(service: Service) -> float:
    """Within what time the service says it answers; ``OperatorError`` where it does not answer at all."""
    try:
        _, health = service.get("/api/auth/health")
        _, figures = service.get("/figures")
    except NotReachable as error:
        raise OperatorError(f"{service.url} does not answer: {error}. Start it: gatewayz-auth serve --dev") from None
    if "status" not in health:
        raise OperatorError(f"What answers at {service.url} is not gatewayz-auth.")
    return float(figures.get("budget_s") or load_report.BUDGET_S)


async def _build(target: _Target, clock: SystemClock) -> str:
    """The commit that the service says it was built from; empty where it does not say."""
    lines = Lines(target.host, target.port, clock, target.tls)
    asking = asyncio.gather(lines.ask(f"GET /metrics HTTP/1.1\r\nhost: {target.shown}\r\n\r\n".encode()))
    try:
        done, _ = await asyncio.wait({asking}, timeout=_BUILD_LIMIT_S)
        if not done:
            asking.cancel()
            return ""
        text = asking.result()[0].body.decode("utf-8", "replace")
    except (OSError, NoAnswer):
        return ""
    finally:
        await lines.close()
    found = re.search(r'gatewayz_auth_build_info\{[^}]*commit="([0-9a-f]{7,40})"', text)
    return found[1] if found else ""


def _is_changed() -> bool:
    """Whether files of the checkout were changed since its commit; no, where there is no git to tell."""
    if commit() == UNKNOWN:
        return False
    try:
        done = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],  # noqa: S607 - whichever git is meant here
            cwd=Path(__file__).parent, capture_output=True, timeout=_GIT_LIMIT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(done.stdout.strip())
