"""Write docs/reference/bounds.md from what the fault tests noted: FAULT_BOUNDS=FILE make test ARGS=tests/faults."""

from __future__ import annotations

import collections
import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

from gatewayz_auth.reliability.clock import SystemClock

PAGE = Path(__file__).parents[1] / "docs/reference/bounds.md"

HEAD = """# Bounds

What each caller is told in each fault of a neighbour, and within what time. The fault tests (`tests/faults/`) hold
every cell against its bound, over real servers and a proxy that misbehaves, with `USER_LOOKUP_TIMEOUT` at 2 s so that
they end soon: where 2 s stands here, yours is what you set. In brackets: the slowest that was seen on {date}, on a
machine of two cores with other work on it; a test forgives such a machine 0.3 s.

In every cell whoever is remembered and fresh gets 200 from the process, at once (slowest: {fresh} s), and a bad token
is 401, at once (slowest: {bad} s): {cells} cells. A person from before Privy is linked when they are answered 200, and
otherwise untouched. "Tables" is what may be added to them: where an account may be made although its caller was told
503, the next sign-in finds it. "Again" is until people whom nobody has seen are signed in after the fault.

Times outside of this page: a start beside a neighbour that does not answer takes 2 s more at most; the breaker opens
within 1 s of a freeze under load; everybody who waits is answered when the process is asked to end.
"""
"""The date, two figures and a count are filled in."""

TAIL = """
## Mail server

Nobody waits for it: a letter that is owed stands in the database and is tried again. `tests/faults/test_smtp.py` holds
that against its faults.
"""

Row = dict[str, Any]

COLUMNS = {
    "returning, past the time to live": ("at first", "stale"),
    "strangers": ("at first", "stranger"),
    "from before Privy": ("at first", "before Privy"),
    "a key nobody knows": ("at first", "key of which nobody has heard"),
    "breaker open: returning": ("breaker open", "stale"),
    "breaker open: strangers": ("breaker open", "stranger"),
    "again": ("after it", "everybody"),
    "the new key": ("after it", "the new key"),
}


def cell(row: Row | None) -> str:
    """One cell in words."""
    if row is None:
        return ""
    within = f"{row['within_s']:g} s" if row["within_s"] else "at once"
    if row["when"] == "after it":
        return f"{within} ({row['took_s']:.2f})"
    told = " or ".join(str(status) for status in row["status"])
    source = " or ".join(row["source"])
    return f"{told}{' ' + source if source else ''}, {within} ({row['took_s']:.2f})"


NEIGHBOURS = ("Postgres", "Redis", "Key server", "Mail server")
"""In the page's order, in whichever the tests ran."""


def table(neighbour: str, rows: list[Row]) -> list[str]:
    """The faults of one neighbour."""
    faults: dict[str, dict[tuple[str, str], Row]] = collections.defaultdict(dict)
    for row in rows:
        faults[row["fault"]][row["when"], row["caller"]] = row
    columns = [name for name, key in COLUMNS.items() if any(key in seen for seen in faults.values())]
    names = [*columns, "tables"]
    lines = [f"\n## {neighbour}\n", "| fault | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for fault, seen in faults.items():
        cells = [cell(seen.get(COLUMNS[name])) for name in columns]
        added = seen.get(("at first", "stranger"), {}).get("tables", "")
        lines.append("| " + " | ".join([fault, *cells, added]) + " |")
    return lines


def main(paths: list[str]) -> None:
    """Write the page."""
    rows = [row for path in paths for row in json.loads(Path(path).read_text())]
    slowest = {
        caller: max(row["took_s"] for row in rows if row["caller"] == caller) for caller in ("fresh", "bad token")
    }
    by_neighbour: dict[str, list[Row]] = collections.defaultdict(list)
    for row in rows:
        by_neighbour[row["neighbour"]].append(row)
    lines = [
        HEAD.format(
            date=dt.datetime.fromtimestamp(SystemClock().utc_now_s(), dt.UTC).date(),
            fresh=f"{slowest['fresh']:.2f}",
            bad=f"{slowest['bad token']:.2f}",
            cells=sum(row["when"] != "after it" for row in rows),
        ).rstrip()
    ]
    for neighbour in sorted(by_neighbour, key=NEIGHBOURS.index):
        lines += table(neighbour, by_neighbour[neighbour])
    PAGE.write_text("\n".join([*lines, TAIL.rstrip()]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
