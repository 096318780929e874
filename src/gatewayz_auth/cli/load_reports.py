"""Reports of loads: read, written with their picture, and told to people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gatewayz_auth.cli.load_picture import draw
from gatewayz_auth.domain.errors import OperatorError, SettingsError
from gatewayz_auth.service import load_report
from gatewayz_auth.service.noise import Difference, in_words

_MOST_REPORT_BYTES = 50_000_000


def earlier_report(path: Path) -> dict[str, Any]:
    """The report at ``path``; ``SettingsError`` where it is none, or cannot be read."""
    try:
        is_short = path.stat().st_size <= _MOST_REPORT_BYTES
        found = json.loads(path.read_text("utf-8")) if is_short else None
    except OSError as error:
        why = f"--compare {path} cannot be read ({error.strerror}): give the file that an earlier load left by --report"
        raise SettingsError([why]) from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not load_report.is_report(found):
        raise SettingsError([f"--compare {path} is no report of a load. Make one: gatewayz-auth load --report FILE"])
    return found


def write(path: Path, told: dict[str, Any]) -> None:
    """Write the report at ``path`` and its picture beside it, each whole or not at all; ``OperatorError`` else."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for place, content in ((path, json.dumps(told) + "\n"), (path.with_suffix(".svg"), draw(told))):
            fresh = place.with_name(f"{place.name}.new")
            fresh.write_text(content, "utf-8")
            fresh.replace(place)
    except OSError as error:
        raise OperatorError(f"--report {path} cannot be written ({error.strerror}): name another file.") from None


def text(told: dict[str, Any], place: str | None) -> str:
    """The report for people: the verdict, the figures, our own lateness, the comparison, where it lies."""
    sign = {"passed": "✓", "unknown": "?"}.get(told["verdict"], "✕")
    waits, late = told["waits"], told["lateness"]
    lines = [f"{sign} {told['verdict']}: {told['why']}"]
    lines.append(
        f"  {told['came']:,} came in {told['plan']['seconds']:g} s at {told['plan']['rate']:g} a second: "
        + ", ".join(f"{count:,} {name}" for name, count in told["outcomes"].items() if count)
    )
    shown = (("P50", "p50_ms"), ("P95", "p95_ms"), ("P99", "p99_ms"), ("P99.9", "p999_ms"), ("slowest", "slowest_ms"))
    lines.append(f"  waited: {_waits(waits, shown)}")
    lines += [f"    {name}: {one['asked']:,}, {_waits(one, shown[:4])}" for name, one in told["kinds"].items()]
    lines.append(
        f"  of which is this machine's own lateness: P50 {late['p50_ms']:.1f} ms, P99 {late['p99_ms']:.1f} ms, "
        f"worst {late['worst_ms']:.1f} ms"
    )
    if compared := told.get("comparison"):
        lines.append(f"  beside earlier: {compared['verdict']}: {compared['why']}")
        lines += [f"    {in_words(Difference(**one))}" for one in compared["differences"]]
    lines += [f"  {place}, {Path(place).with_suffix('.svg')}"] if place else []
    return "\n".join(lines)


def _waits(waits: dict[str, Any], shown: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} {'-' if waits[key] is None else f'{waits[key]:.1f} ms'}" for name, key in shown)
