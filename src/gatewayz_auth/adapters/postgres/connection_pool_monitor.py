"""How full a connection pool is, whatever made it: ours, psycopg's, SQLAlchemy's, or the HTTP pool of Supabase's."""

from __future__ import annotations

from typing import Any

from gatewayz_auth.adapters.postgres.pool import Pool
from gatewayz_auth.service.pool_diagnosis import NORMAL_BELOW, band_of

STRESSED = ("WARNING", "CRITICAL")
_CALM = "NORMAL"


class ConnectionPoolStats:
    """Counts of one pool; plain and assignable, all 0 at first."""

    def __init__(self) -> None:
        """Count nothing."""
        self.total_connections = 0
        self.active_connections = 0
        self.idle_connections = 0
        self.max_pool_size = 0
        self.connection_errors = 0
        self.connection_timeouts = 0

    @property
    def utilization(self) -> float:
        """The part of the pool that is in use, 0 to 1 (more where it overflows); 0 where there is no pool."""
        return self.active_connections / self.max_pool_size if self.max_pool_size > 0 else 0.0

    def get_health_status(self) -> str:
        """``HEALTHY`` below 50 % in use, ``NORMAL`` below 80, ``WARNING`` below 95, else ``CRITICAL``.

        ``UNKNOWN`` where there is no pool.
        """
        return band_of(self.active_connections, self.max_pool_size)

    def is_healthy(self, warning_threshold: float = NORMAL_BELOW) -> bool:
        """Whether less than ``warning_threshold`` (0 to 1) of the pool is in use; a pool that is none is."""
        return self.utilization < warning_threshold or self.max_pool_size <= 0

    def to_dict(self) -> dict[str, Any]:
        """All counts by name, ``utilization_percent`` (one decimal) and ``health_status``."""
        return {
            "total_connections": self.total_connections,
            "active_connections": self.active_connections,
            "idle_connections": self.idle_connections,
            "max_pool_size": self.max_pool_size,
            "connection_errors": self.connection_errors,
            "connection_timeouts": self.connection_timeouts,
            "utilization_percent": round(self.utilization * 100, 1),
            "health_status": self.get_health_status(),
        }

    def __repr__(self) -> str:
        """Name the counts that matter."""
        return f"ConnectionPoolStats(active={self.active_connections}, max={self.max_pool_size})"


def diagnostics_line(stats: ConnectionPoolStats) -> str:
    """The log line of the contract that says how full the pool is; whole percents, never rounded up."""
    return (
        f"Connection pool diagnostics: active={stats.active_connections}, idle={stats.idle_connections}, "
        f"max={stats.max_pool_size}, utilization={_percent(stats)}%, health={stats.get_health_status()}"
    )


def stressed_line(stats: ConnectionPoolStats) -> str:
    """The log line of the contract that says that the pool is stressed."""
    return f"Connection pool is stressed: utilization={_percent(stats)}%, status={stats.get_health_status()}"


def relieved_line(stats: ConnectionPoolStats) -> str:
    """The log line that says that the pool is stressed no more."""
    return f"Connection pool is no longer stressed: utilization={_percent(stats)}%, status={stats.get_health_status()}"


class BandWatch:
    """Speaks once when a pool enters ``WARNING`` or ``CRITICAL``, and once when it leaves them; not in between.

    A band counts as entered after so many looks in a row that found it, and as left after so many that did not.
    """

    def __init__(self, *, enter_after: int = 1, leave_after: int = 1) -> None:
        """Take the pool for calm."""
        self._enter_after = enter_after
        self._leave_after = leave_after
        self._band = _CALM
        self._found = 0

    def line(self, stats: ConnectionPoolStats) -> str | None:
        """What to say of this look; None where all is as it was."""
        band = stats.get_health_status()
        band = band if band in STRESSED else _CALM
        if band == self._band:
            self._found = 0
            return None
        self._found += 1
        is_worse = band == "CRITICAL" or self._band == _CALM
        if self._found < (self._enter_after if is_worse else self._leave_after):
            return None
        self._band, self._found = band, 0
        return stressed_line(stats) if band in STRESSED else relieved_line(stats)


def _percent(stats: ConnectionPoolStats) -> int:
    return stats.active_connections * 100 // stats.max_pool_size if stats.max_pool_size > 0 else 0


def stats_of(pool: Any) -> ConnectionPoolStats | None:  # noqa: ANN401 - whatever somebody has
    """The counts of ``pool``: ours, psycopg's, a SQLAlchemy pool or engine, a Supabase or httpx client; else None."""
    if isinstance(pool, Pool):
        return _of_ours(pool)
    if callable(getattr(pool, "get_stats", None)):
        return _of_psycopg(pool)
    for candidate in (pool, getattr(pool, "pool", None)):
        if callable(getattr(candidate, "checkedout", None)):
            return _of_sqlalchemy(candidate)
    session = getattr(getattr(pool, "postgrest", None), "session", pool)
    http_pool = getattr(getattr(session, "_transport", None), "_pool", None)
    return None if http_pool is None else _of_httpcore(http_pool)


def _of_ours(pool: Pool) -> ConnectionPoolStats:
    counts = pool.stats()
    stats = ConnectionPoolStats()
    stats.total_connections = counts.size
    stats.active_connections = counts.active + counts.broken  # lost ones keep others from theirs as well
    stats.idle_connections = counts.idle
    stats.max_pool_size = counts.max_size
    stats.connection_errors = counts.connection_errors
    stats.connection_timeouts = counts.connection_timeouts
    return stats


def _of_psycopg(pool: Any) -> ConnectionPoolStats:  # noqa: ANN401 - duck-typed: no driver is imported for it
    counts = pool.get_stats()
    stats = ConnectionPoolStats()
    stats.total_connections = counts.get("pool_size", 0)
    stats.idle_connections = counts.get("pool_available", 0)
    stats.active_connections = max(0, stats.total_connections - stats.idle_connections)
    stats.max_pool_size = counts.get("pool_max", 0)
    stats.connection_errors = counts.get("connections_errors", 0)
    stats.connection_timeouts = counts.get("requests_errors", 0)
    return stats


def _of_sqlalchemy(pool: Any) -> ConnectionPoolStats:  # noqa: ANN401 - duck-typed: no driver is imported for it
    stats = ConnectionPoolStats()
    stats.active_connections = pool.checkedout()
    stats.idle_connections = pool.checkedin() if hasattr(pool, "checkedin") else 0
    stats.total_connections = stats.active_connections + stats.idle_connections
    size = pool.size() if hasattr(pool, "size") else 0
    stats.max_pool_size = size + max(0, getattr(pool, "_max_overflow", 0))
    return stats


def _of_httpcore(pool: Any) -> ConnectionPoolStats:  # noqa: ANN401 - duck-typed: no driver is imported for it
    stats = ConnectionPoolStats()
    open_now = [connection for connection in pool.connections if not connection.is_closed()]
    stats.total_connections = len(open_now)
    stats.idle_connections = sum(connection.is_idle() for connection in open_now)
    stats.active_connections = stats.total_connections - stats.idle_connections
    most = getattr(pool, "_max_connections", 0)
    stats.max_pool_size = most if 0 < most < _NO_LIMIT else 0
    return stats


_NO_LIMIT = 1_000_000
"""An HTTP client without a limit counts up to ``sys.maxsize``; there is then no pool to be full."""
