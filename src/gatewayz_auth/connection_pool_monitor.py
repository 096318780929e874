"""How full the connection pool is, for programs of their own: counts, log lines and a check that runs along.

``register_pool`` says which pool to look at: a psycopg or SQLAlchemy pool, an engine, or the Supabase client, whose
HTTP connections are then counted. Importing this reads nothing and starts nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from gatewayz_auth.adapters.postgres.connection_pool_monitor import (
    BandWatch,
    ConnectionPoolStats,
    diagnostics_line,
    stats_of,
)

__all__ = [
    "ConnectionPoolStats",
    "check_pool_health_and_warn",
    "get_supabase_pool_stats",
    "log_pool_diagnostics",
    "periodic_pool_health_check",
    "register_pool",
]

_log = logging.getLogger(__name__)
_registered: Any = None
_watched: tuple[Any, Any, BandWatch] = (None, None, BandWatch())
"""The pool and the way of asking it that the watch belongs to: another pool's stress is said anew."""


def register_pool(pool: Any) -> None:  # noqa: ANN401 - whatever the program has
    """Look at ``pool`` from now on; None: at nothing any more."""
    global _registered  # noqa: PLW0603 - one process, one pool
    _registered = pool


def get_supabase_pool_stats() -> ConnectionPoolStats | None:
    """The counts of the registered pool, now; None where there is none, or none that can be asked."""
    if _registered is None:
        return None
    try:
        return stats_of(_registered)
    except Exception as error:  # noqa: BLE001 - a look at a foreign pool must not hurt whoever looks
        _log.debug("The connection pool cannot be asked: %s", type(error).__name__)
        return None


def log_pool_diagnostics() -> None:
    """Log how full the pool is."""
    stats = get_supabase_pool_stats()
    if stats is None:
        _log.info("Connection pool diagnostics: no pool to ask")
        return
    _log.info(diagnostics_line(stats), extra={"pool": stats.to_dict()})


def check_pool_health_and_warn() -> str:
    """The pool's health, one of the words of ``get_health_status``.

    Logged as a warning once when it enters WARNING (from 80 % in use) or CRITICAL, and once when it leaves them.
    """
    stats = get_supabase_pool_stats()
    if stats is None:
        return "UNKNOWN"
    line = _watch().line(stats)
    if line is not None:
        _log.warning(line, extra={"pool": stats.to_dict()})
    return stats.get_health_status()


def _watch() -> BandWatch:
    global _watched  # noqa: PLW0603 - one process, one pool
    if _watched[0] is not _registered or _watched[1] is not get_supabase_pool_stats:
        _watched = (_registered, get_supabase_pool_stats, BandWatch())
    return _watched[2]


async def periodic_pool_health_check(check_interval_seconds: float = 60) -> None:
    """Log the pool's counts and warn where it is stressed, every so many seconds (above 0), until cancelled."""
    if not check_interval_seconds > 0:
        raise ValueError("check_interval_seconds is above 0")
    while True:
        try:
            if get_supabase_pool_stats() is not None:
                log_pool_diagnostics()
            check_pool_health_and_warn()
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
            _log.warning("The connection pool could not be checked: %s", type(error).__name__)
        await asyncio.sleep(check_interval_seconds)
