"""Findings and checks as people read them: by Rich, wrapped, in colour on a terminal alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.service.findings import Result, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

    from gatewayz_auth.adapters.reach import Step
    from gatewayz_auth.service.findings import Check, Finding

_SIGNS = {Severity.CRITICAL: ("✕", "bold red"), Severity.WARNING: ("!", "bold yellow"), Severity.NOTICE: ("·", "cyan")}
_MARKS = {Result.PASS: ("✓", "green"), Result.FAIL: ("✕", "bold red"), Result.UNKNOWN: ("?", "bold yellow")}
_PIPED_WIDTH = 100


def tell_findings(findings: Sequence[Finding], steps: Mapping[str, Iterable[Step]]) -> None:
    """Print the findings and the way to each neighbour; one line where nothing is wrong."""
    console = _console()
    if not findings:
        console.print("✓ Nothing is wrong.")
        return
    for one in findings:
        sign, style = _SIGNS[one.severity]
        _entry(console, f"{sign} {one.severity}: {one.title}", style, one.detail, one.do)
    console.print()
    for name, taken in steps.items():
        way = ", ".join(f"{step.name} {step.problem or f'{step.took_s * 1e3:.0f} ms'}" for step in taken)
        console.print(f"{name}: {way}", markup=False, style="dim")


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
