"""Findings and checks as people read them: by Rich, wrapped, in colour on a terminal alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.cli.durations import in_words
from gatewayz_auth.service.findings import Result, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

    from gatewayz_auth.adapters.reach import Reach
    from gatewayz_auth.service.findings import Check, Finding

_SIGNS = {Severity.CRITICAL: ("✕", "bold red"), Severity.WARNING: ("!", "bold yellow"), Severity.NOTICE: ("·", "cyan")}
_MARKS = {Result.PASS: ("✓", "green"), Result.FAIL: ("✕", "bold red"), Result.UNKNOWN: ("?", "bold yellow")}
_PIPED_WIDTH = 100
_DAY_S = 86400.0
_TENTHS_BELOW_S = 0.01


def tell_findings(findings: Sequence[Finding], reaches: Mapping[str, Reach]) -> None:
    """Print the findings, or in one line that there is none; below them each neighbour and the way to it."""
    console = _console()
    if all(one.severity is Severity.NOTICE for one in findings):
        console.print("✓ Nothing is wrong." + (" Worth knowing:" if findings else ""))
    for one in findings:
        sign, style = _SIGNS[one.severity]
        _entry(console, f"{sign} {one.severity}: {one.title}", style, one.detail, one.do)
    if reaches:
        console.print()
        console.print(_neighbours(reaches))


def _neighbours(reaches: Mapping[str, Reach]) -> Table:
    from rich.table import Table  # noqa: PLC0415 - as in _entry
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", style="dim")
    for column in ("", "version", "up", "round trip"):
        table.add_column(column, no_wrap=True)
    table.add_column("steps, in ms")
    for name, reach in reaches.items():
        up = "-" if reach.uptime_s is None else _up(reach.uptime_s)
        trip = "-" if reach.trip_s is None else f"{_milliseconds(reach.trip_s)} ms"
        steps = [f"{step.name} {step.problem or _milliseconds(step.took_s)}" for step in list(reach.steps)]
        cells = (name, reach.version or "-", up, trip, ", ".join(steps) or "-")
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.0f}" if seconds >= _TENTHS_BELOW_S else f"{seconds * 1e3:.1f}"


def _up(seconds: float) -> str:
    return f"{seconds / _DAY_S:.0f} days" if seconds >= 2 * _DAY_S else in_words(seconds)


def tell_checks(checks: Sequence[Check]) -> None:
    """Print the checklist, and in the end how many items passed."""
    console = _console()
    for one in checks:
        mark, style = _MARKS[one.result]
        _entry(console, f"{mark} {one.result}: {one.title}", style, one.detail, one.do)
    counts = {result: sum(check.result is result for check in checks) for result in Result}
    console.print()
    said = f"{counts[Result.PASS]} passed, {counts[Result.FAIL]} failed, {counts[Result.UNKNOWN]} not known."
    console.print(said, markup=False)


def _entry(console: Console, title: str, style: str, detail: str, do: str) -> None:
    from rich.padding import Padding  # noqa: PLC0415 - a tenth of a second that other verbs need not wait for
    from rich.text import Text  # noqa: PLC0415

    console.print(Text(title, style=style))
    console.print(Padding(Text(detail), (0, 0, 0, 2)))
    if do:
        console.print(Padding(Text(f"→ {do}"), (0, 0, 0, 2)))


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH, no_color=True)
