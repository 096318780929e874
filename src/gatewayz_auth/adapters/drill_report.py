"""What the last drill found, in the sentences that it was told in; ``make drill`` leaves them beside the service."""

from __future__ import annotations

from pathlib import Path

import orjson

LAST_DRILL = Path("reports") / "last-drill.json"
"""In the folder that the service was started in."""

_MAX_BYTES = 4096
_MAX_LETTERS = 300


def last_drill(path: Path) -> dict[str, str] | None:
    """``at`` (the day) and ``sentence`` of the last drill; None where there is none that can be read. For a thread."""
    try:
        with path.open("rb") as file:
            told = orjson.loads(file.read(_MAX_BYTES))
        return {name: str(told[name])[:_MAX_LETTERS] for name in ("at", "sentence")}
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return None
