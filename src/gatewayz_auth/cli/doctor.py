"""``gatewayz-auth doctor``: examines all that sign-ins need; says what is wrong, why it matters, what to do."""

from __future__ import annotations

import asyncio
import shlex
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from gatewayz_auth.adapters.postgres.doctor import Limits
from gatewayz_auth.bootstrap_doctor import examine, explain, how_far
from gatewayz_auth.cli import output
from gatewayz_auth.cli.asking import NotReachable, Service
from gatewayz_auth.cli.operator_settings import operator_settings, within_reach
from gatewayz_auth.cli.report import tell_findings
from gatewayz_auth.cli.steered import steered
from gatewayz_auth.cli.waiting import Waiting
from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.service.doctor import of_service, service_closed, service_silent
from gatewayz_auth.service.findings import Severity, by_severity, critical, notice
from gatewayz_auth.settings import load_environment, warnings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from gatewayz_auth.adapters.reach import Reach
    from gatewayz_auth.service.findings import Finding

T = TypeVar("T")

EXAMPLE = "gatewayz-auth doctor --json"
EXIT_CODES = {Severity.CRITICAL: 1, Severity.WARNING: 3, Severity.NOTICE: 0}
HARD_LIMIT_S = 13.5
"""Whatever hangs, the answer is given then; the contract says 15 s with the start of the program."""

_EXPLAINED = ("sign in", "sign-in", "sign_in")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument(
        "--explain", metavar="WHAT", help="show how the database really carries out the one statement: 'sign in'"
    )
    parser.add_argument("--url", metavar="URL", help="the running service (default: what `serve` left behind)")
    parser.epilog = (
        f"{parser.epilog}\n\nExit codes: 0 nothing but notices, 1 something critical, 3 warnings at the most, "
        "2 asked wrongly or settings are wrong."
    )


def run(arguments: argparse.Namespace) -> int:
    """Examine and tell within 15 s; 0 nothing but notices, 1 something critical, 3 warnings at the most."""
    if arguments.explain is not None:
        return _explain(arguments)
    environ = load_environment(Path.cwd())
    settings, limits = operator_settings(), Limits()
    asking, turned_off = Beside(lambda: _service(arguments.url)), Beside(lambda: steered(settings))
    clock, seen = SystemClock(), dict[str, "Reach"]()
    examining = Beside(lambda: asyncio.run(examine(settings, clock, limits=limits, reaches=seen)))
    ends_s = clock.monotonic_s() + HARD_LIMIT_S
    with Waiting("Examining", clock, as_json=arguments.json, more=lambda: how_far(seen)):
        found = examining.result(HARD_LIMIT_S)
        asked = asking.result(max(0.0, ends_s - clock.monotonic_s())) or []
        asked += turned_off.result(max(0.0, ends_s - clock.monotonic_s())) or []
    findings = [_stuck()] if found is None else found.findings(limits, clock.utc_now_s())
    findings += asked
    findings += [_odd(line) for line in warnings(environ)]
    findings = by_severity(findings)
    if arguments.json:
        facts = {
            "findings": [one.as_dict() for one in findings],
            "neighbours": {name: reach.as_dict() for name, reach in seen.items()},
        }
        output.show(facts, "", as_json=True)
    else:
        tell_findings(findings, seen)
    return EXIT_CODES[findings[0].severity] if findings else 0


class Beside(Generic[T]):
    """``work`` in a thread of its own, which nobody has to wait for."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._kept: list[T] = []
        self._faults: list[Exception] = []

        def do() -> None:
            try:
                self._kept.append(work())
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                self._faults.append(error)

        self._thread = threading.Thread(target=do, daemon=True)
        self._thread.start()

    def result(self, limit_s: float) -> T | None:
        """What it answered or raised; None where it has not ended after ``limit_s`` seconds."""
        self._thread.join(limit_s)
        if self._faults:
            raise self._faults[0]
        return self._kept[0] if self._kept else None


def _service(url: str | None) -> list[Finding]:
    try:
        service = Service(url)
    except SettingsError:
        if url is not None:
            raise
        return [
            notice(
                "service-unknown", "No running service is known in this folder",
                "Its hit rate and its pool are not known.", "Name it: gatewayz-auth doctor --url http://localhost:8000",
            )
        ]  # fmt: skip
    try:
        _, figures = service.get("/figures")
    except NotReachable as error:
        return [service_silent(service.url, str(error))]
    return of_service(figures) if "minute" in figures else [service_closed(service.url)]


def _stuck() -> Finding:
    return critical(
        "doctor-stuck", f"The examination did not end within {HARD_LIMIT_S:g} s",
        "Something on this machine hangs (a name look-up, a file system), and may hold sign-ins up too.",
        "Look what this process waits for: cat /proc/PID/stack, or py-spy dump",
    )  # fmt: skip


def _odd(line: str) -> Finding:
    return notice("setting-odd", f"{line[0].upper()}{line[1:]}", "It may be meant otherwise.", "Look at the setting.")


def _explain(arguments: argparse.Namespace) -> int:
    if arguments.explain not in _EXPLAINED:
        raise SettingsError([f"there is one statement to explain. Example: {shlex.join(['--explain', 'sign in'])}"])
    settings = operator_settings()
    plan = within_reach(explain(settings))
    output.show({"explain": "sign in", "plan": plan}, plan, as_json=arguments.json)
    return 0
