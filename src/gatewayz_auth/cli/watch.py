"""``gatewayz-auth watch``: the console's sentence and figures in a terminal, one screen, live."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from gatewayz_auth.cli import output, watch_deploy
from gatewayz_auth.cli.asking import NotReachable, Service
from gatewayz_auth.cli.status import EXIT_CODES, EXIT_NOT_REACHABLE, SIGNS, WHERE_ELSE, told_below
from gatewayz_auth.domain.errors import OperatorError
from gatewayz_auth.reliability.clock import SystemClock

if TYPE_CHECKING:
    import argparse

    from rich.console import RenderableType

EXAMPLE = "gatewayz-auth watch --url http://localhost:8000"
EVERY_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("--url", metavar="URL", help="where it is (default: what `serve` left in the state folder)")
    parser.add_argument(
        "--for", dest="for_s", type=float, metavar="S", help="end after S seconds (default: Ctrl-C ends it)"
    )
    watch_deploy.add_arguments(parser)
    parser.epilog = (
        f"{parser.epilog}\n  gatewayz-auth watch --after-deploy 24h --before 24h\n\n"
        "Exit codes: 0 healthy, 1 degraded, 2 unhealthy, 3 not reachable; with --after-deploy 0 not worse than before, "
        "1 worse beyond noise, 2 asked wrongly, 3 nothing can be said."
    )


def run(arguments: argparse.Namespace) -> int:
    """Show it until Ctrl-C or ``--for``; the exit code is that of ``status`` at the end.

    Piped, it writes one line a second; with ``--json`` a snapshot a line. ``--after-deploy`` judges instead.
    """
    if arguments.after_deploy is not None:
        return watch_deploy.run(arguments)
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that other verbs need not wait for

    watching = _Watching(Service(arguments.url), arguments.for_s)
    console = Console(highlight=False)
    try:
        if arguments.json or not console.is_terminal:
            for now in watching:
                output.show(now, _line(now), as_json=arguments.json)
        else:
            _live(console, watching)
    except KeyboardInterrupt:
        pass
    return watching.exit_code


class _Watching:
    """Asks once a second; what could not be asked is told as such, and asked again."""

    def __init__(self, service: Service, for_s: float | None) -> None:
        self._service = service
        self._clock = SystemClock()
        self._until_s = None if for_s is None else self._clock.monotonic_s() + for_s
        self._pause = threading.Event()
        self._heard: dict[str, Any] | None = None
        self.exit_code = EXIT_NOT_REACHABLE

    def __iter__(self) -> _Watching:
        return self

    def __next__(self) -> dict[str, Any]:
        if self._heard is not None or self.exit_code != EXIT_NOT_REACHABLE:
            self._pause.wait(EVERY_S)
        if self._until_s is not None and self._clock.monotonic_s() > self._until_s:
            raise StopIteration
        self._heard = now = self._ask()
        self.exit_code = EXIT_CODES.get(now["situation"]["status"], EXIT_NOT_REACHABLE)
        return now

    def _ask(self) -> dict[str, Any]:
        try:
            status, now = self._service.get("/figures")
        except NotReachable as error:
            return {"situation": {"status": "not reachable", "sentence": f"{self._service.url} is not reachable.",
                                  "text": f"{error}. {WHERE_ELSE}", "more": [], "runbook": None}}  # fmt: skip
        if "situation" not in now:
            raise OperatorError(
                f"{self._service.url} does not show its figures here ({status}): set ADMIN_TOKEN, or ask the address "
                "of OPS_LISTEN."
            )
        return now


def _line(now: dict[str, Any]) -> str:
    told = now["situation"]
    pool = f" {now['pool']['diagnostics']}" if "pool" in now else ""
    steered = "".join(f" {one}" for one in now.get("steered", []))
    return f"{SIGNS.get(told['status'], '✕')} {told['sentence']} {told_below(told['text'])}{steered}{pool}"


def _live(console: Any, watching: _Watching) -> None:  # noqa: ANN401 - rich's console
    from rich.live import Live  # noqa: PLC0415

    with Live(console=console, screen=True, auto_refresh=False) as live:
        for now in watching:
            live.update(screen_of(now), refresh=True)


def screen_of(now: dict[str, Any]) -> RenderableType:
    """One screen: the sentence, the figures, the neighbours, what happened; nothing breaks at 80 columns."""
    from gatewayz_auth.cli.watch_screen import screen  # noqa: PLC0415 - rich

    return screen(now)
