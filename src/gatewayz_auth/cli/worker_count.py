"""How many worker processes ``serve`` may be asked for, and when that many look like a mistake."""

from __future__ import annotations

import os

from gatewayz_auth.adapters.postgres.embedded import MOST_CONNECTIONS
from gatewayz_auth.domain.errors import SettingsError

MOST = 256
MANY_FOR_EACH_PROCESSOR = 4
_MB_EACH = 85


def check(workers: int) -> None:
    """Refuse with ``SettingsError`` what is not 1 to ``MOST``."""
    if not 1 <= workers <= MOST:
        raise SettingsError([f"--workers is {workers}; expected processes, 1 to {MOST}. Example: --workers 2"])


def warnings(workers: int, pool_size: int, *, processors: int, is_embedded: bool) -> list[str]:
    """What ``workers`` processes with ``pool_size`` connections each cost that nobody may have meant, a sentence each.

    Only the limit of the embedded Postgres is known here; how near another one is to its own the doctor says.
    """
    lines = []
    if workers > MANY_FOR_EACH_PROCESSOR * processors:
        lines.append(
            f"--workers {workers} is far above what {processors} processor{'s' * (processors != 1)} can run at once: "
            f"more than one for each answers nobody sooner, and each takes some {_MB_EACH} MB"
        )
    wanted = workers * pool_size
    if is_embedded and wanted > MOST_CONNECTIONS:
        lines.append(
            f"--workers {workers} with DATABASE_POOL_SIZE={pool_size} want {wanted} connections, and the embedded "
            f"Postgres gives {MOST_CONNECTIONS}: lower one of them"
        )
    return lines


def processors() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
