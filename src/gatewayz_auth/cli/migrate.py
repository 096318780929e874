"""``gatewayz-auth migrate``: brings the database to the newest schema, or to the one of ``--to``."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.postgres.migrate import MigrationReport, migrate
from gatewayz_auth.cli import output
from gatewayz_auth.cli.embedded_servers import EMBEDDED, EmbeddedServers
from gatewayz_auth.cli.state_folder import StateFolder
from gatewayz_auth.cli.waiting import Waiting
from gatewayz_auth.domain.errors import NotKnown, SettingsError, StartupError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.settings import load_environment, read_settings

if TYPE_CHECKING:
    import argparse

    from gatewayz_auth.settings import Settings

EXAMPLE = "DATABASE_URL=postgresql://user:password@db.example.com/auth gatewayz-auth migrate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument(
        "--to",
        type=int,
        metavar="N",
        help="go to schema version N instead of the newest, back too; going back drops what the steps had made "
        "(0: everything)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Migrate and say what was done; 0 also where there was nothing to do."""
    environ = load_environment(Path.cwd())
    settings = read_settings(environ, dev=True)  # of all that serving requires only the database is needed here
    if not environ.get("DATABASE_URL", "").strip():
        raise SettingsError(
            [
                "DATABASE_URL is missing; expected postgresql:// URL or `embedded`. Example: "
                + EXAMPLE.split(maxsplit=1)[0]
            ]
        )
    with ExitStack() as stack:
        database_url = _database(settings, stack)
        waiting = stack.enter_context(Waiting("Migrating", SystemClock(), as_json=arguments.json))
        work = migrate(database_url, region=settings.region, to=arguments.to, tell=waiting.tell)
        try:
            report = asyncio.run(work)
        except NotKnown as error:
            raise StartupError(f"The database does not answer ({error}): start it, or correct DATABASE_URL.") from None
    facts = {"before": report.before, "after": report.after, "steps": list(report.steps)}
    output.show(facts, _text(report), as_json=arguments.json)
    return 0


def _database(settings: Settings, stack: ExitStack) -> str:
    if settings.database_url != EMBEDDED:
        return settings.database_url
    folder = stack.enter_context(StateFolder(Path(settings.state_dir).absolute()))
    folder.open("nowhere: it migrates")
    servers = EmbeddedServers(settings, SystemClock())
    stack.callback(servers.stop)
    servers.start(lambda _line: None)
    return servers.urls["DATABASE_URL"]


def _text(report: MigrationReport) -> str:
    if not report.steps:
        return f"Nothing to do: the database has schema version {report.after}."
    steps = "".join(f"  {step}\n" for step in report.steps)
    return f"{steps}The database has schema version {report.after} (before: {report.before})."
