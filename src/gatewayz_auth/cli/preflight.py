"""``gatewayz-auth preflight``: the founding document's checklist before a deployment, as checks that run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayz_auth import bootstrap_preflight
from gatewayz_auth.adapters.postgres.doctor import Limits
from gatewayz_auth.bootstrap_doctor import examine, how_far
from gatewayz_auth.cli import output
from gatewayz_auth.cli.asking import NotReachable, Service
from gatewayz_auth.cli.doctor import Beside
from gatewayz_auth.cli.operator_settings import operator_settings
from gatewayz_auth.cli.report import tell_checks
from gatewayz_auth.cli.waiting import Waiting
from gatewayz_auth.domain.errors import OperatorError, SettingsError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.service.findings import Result
from gatewayz_auth.settings import load_environment

if TYPE_CHECKING:
    import argparse

    from gatewayz_auth.adapters.reach import Reach

EXAMPLE = "gatewayz-auth preflight --url http://staging.example.com:8000"
EXIT_FAILED, EXIT_UNKNOWN = 1, 3
HARD_LIMIT_S = 8.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("--url", metavar="URL", help="the running service (default: what `serve` left behind)")
    parser.add_argument("--in", dest="root", metavar="DIR", default=".", help="the checkout, for reports/ and ops/")
    parser.add_argument(
        "--backup-command", metavar="CMD", help="a program that ends with 0 where there is a backup of late (5 s)"
    )
    parser.epilog = (
        f"{parser.epilog}\n\nExit codes: 0 all passed, 1 something failed, 3 something is not known, "
        "2 asked wrongly or settings are wrong."
    )


def run(arguments: argparse.Namespace) -> int:
    """Check and tell within 10 s; 0 all passed, 1 something failed, 3 something is not known."""
    environ = load_environment(Path.cwd())
    settings, clock = operator_settings(anywhere=True), SystemClock()
    asking = Beside(lambda: _figures(arguments.url))
    command = arguments.backup_command
    backup = None if command is None else Beside(lambda: asyncio.run(bootstrap_preflight.ends_with(command)))
    limit_s = bootstrap_preflight.PREFLIGHT_LIMIT_S
    seen: dict[str, Reach] = {}
    examining = Beside(lambda: asyncio.run(examine(settings, clock, limit_s=limit_s, limits=Limits(), reaches=seen)))
    ends_s = clock.monotonic_s() + HARD_LIMIT_S
    with Waiting("Checking", clock, as_json=arguments.json, more=lambda: how_far(seen)):
        found = examining.result(HARD_LIMIT_S)
        if found is None:
            raise OperatorError("Something on this machine hangs: gatewayz-auth doctor looks what.")
        figures = asking.result(max(0.0, ends_s - clock.monotonic_s()))
        backup_code = None if backup is None else backup.result(max(0.0, ends_s - clock.monotonic_s()))
    checks = bootstrap_preflight.checks(found, environ, Path(arguments.root), figures=figures, backup_code=backup_code)
    if arguments.json:
        output.show({"checks": [check.as_dict() for check in checks]}, "", as_json=True)
    else:
        tell_checks(checks)
    results = {check.result for check in checks}
    return EXIT_FAILED if Result.FAIL in results else EXIT_UNKNOWN if Result.UNKNOWN in results else 0


def _figures(url: str | None) -> dict[str, Any] | None:
    try:
        return Service(url).get("/figures")[1]
    except NotReachable:
        return None
    except SettingsError:
        if url is not None:
            raise
        return None
