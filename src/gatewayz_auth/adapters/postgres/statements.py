"""The statements, read from ``queries/*.sql`` once each: a name, one sentence, one statement."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def statement(name: str) -> bytes:
    """The statement called ``name``, without its comments (they need not travel)."""
    text = (resources.files(__package__ or "") / "queries" / f"{name}.sql").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("--"))
    return " ".join(" ".join(lines).split()).encode()
