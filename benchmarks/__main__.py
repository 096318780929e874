"""``make bench``: one table, each figure beside what it is compared to in the same run.

It is written to docs/reference/performance.md. A ratio that fell by more than 15 % against the table that stood there
is said in the closing lines. Names of benchmarks as arguments run only those, and write nothing.
"""

from __future__ import annotations

import datetime as dt
import importlib
import platform
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.rows import Row

BENCHMARKS = (
    "verification",
    "duties",
    "telemetry",
    "hot_route",
    "workers",
    "memory",
    "accounts",
    "distance",
    "before_after",
    "referrals",
)
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "performance.md"
FALL = 0.15
_HEAD = """# Performance

What `make bench` printed on {day}, on {machine}.
Machines differ and this one is shared: read the ratios, each of figures of the same run, and run it on yours.

| what | figure | beside it | ratio | aim |
|---|---|---|---|---|
"""


def _cells(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return f"| {row.name} | {row.figure} | {row.compared_to} | {ratio} | {row.aim} |"


def _kept() -> dict[str, float]:
    """The ratios of the table that stands in the repository, by name."""
    kept = {}
    for line in PAGE.read_text().splitlines() if PAGE.exists() else ():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"[\d.]+", cells[3]):
            kept[cells[0]] = float(cells[3])
    return kept


def _worse(row: Row, before: float) -> bool:
    """Whether a ratio fell: bounds of the kind "or less" fall upwards."""
    if row.ratio is None or not before:
        return False
    change = row.ratio / before
    return change > 1 + FALL if "less" in row.aim else change < 1 - FALL


def main(names: list[str]) -> int:
    kept = _kept()
    rows: list[Row] = []
    for name in names or BENCHMARKS:
        started = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows.extend(importlib.import_module(f"benchmarks.{name}").run())
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    table = "\n".join(_cells(row) for row in rows)
    text = _HEAD.format(day=dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"), machine=machine) + table + "\n"
    print(text)
    if not names:
        PAGE.write_text(text)
    fallen = [f"{row.name}: {kept[row.name]:.2f} -> {row.ratio:.2f}" for row in rows
              if row.name in kept and _worse(row, kept[row.name])]  # fmt: skip
    print(*([f"FELL by more than 15 %: {line}" for line in fallen] or ["No ratio fell by more than 15 %."]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
