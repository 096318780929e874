"""A look at the figures of this host's processes from outside, for commands that cannot wait for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from gatewayz_auth.service.histogram import BUCKETS, quantile_s

if TYPE_CHECKING:
    from pathlib import Path

RECENT_S = 5.0
_OPEN = 2


@dataclass(frozen=True, slots=True)
class Glance:
    """What was laid down within the last seconds: ``processes`` that did, whether one's breaker of Postgres is open."""

    processes: int
    is_breaker_open: bool
    lookup_p99_s: float | None


def glance(folder: Path, utc_now_s: float) -> Glance:
    """What the processes that use ``folder`` (``figures`` in the state folder) show; nothing where none does."""
    counts = [0] * BUCKETS
    processes, is_open = 0, False
    for file in folder.glob("web-*/*.json"):
        try:
            snapshot = orjson.loads(file.read_bytes())
            if utc_now_s - snapshot["at_s"] > RECENT_S:
                continue
            processes += 1
            is_open = is_open or snapshot["numbers"].get("breaker_state", {}).get("postgres", 0) >= _OPEN
            cells = snapshot["histograms"].get("query_duration_seconds", {}).get("postgres|sign_in")
            counts = [a + b for a, b in zip(counts, cells or counts, strict=False)] if cells else counts
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return Glance(processes, is_open, quantile_s([int(count) for count in counts], 0.99))
