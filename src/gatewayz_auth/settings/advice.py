"""The founding document's tuning rules: what is measured in, a sentence for each setting that should differ out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayz_auth.domain.tuning import (
    BUSY_PER_HOUR,
    BUSY_TTL_S,
    CALM_PER_HOUR,
    CALM_TTL_S,
    FAR_LOOKUP_S,
    FAR_S,
    MOST_BUDGET_S,
    SLOW_BUDGET_S,
    SLOW_S,
)

if TYPE_CHECKING:
    from gatewayz_auth.settings.values import Settings


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured; None: not known. ``changes_per_hour`` is of one person's data, on average."""

    trip_median_s: float | None = None
    lookup_p99_s: float | None = None
    changes_per_hour: float | None = None


def advice(settings: Settings, measured: Measured) -> dict[str, str]:
    """By setting's name, what to change and why; nothing for a setting that fits."""
    return {
        name: said
        for name, said in (
            ("USER_LOOKUP_TIMEOUT", _lookup(settings, measured)),
            ("AUTH_QUERY_TIMEOUT", _budget(settings, measured)),
            ("AUTH_CACHE_TTL", _ttl(settings, measured)),
        )
        if said
    }


def _lookup(settings: Settings, measured: Measured) -> str:
    trip_s, now_s = measured.trip_median_s, settings.user_lookup_timeout_s
    low_s, high_s = FAR_LOOKUP_S
    if trip_s is not None and trip_s > FAR_S and now_s < low_s:
        return f"the database is {trip_s * 1e3:.0f} ms away: {low_s:g} to {high_s:g} s (now {now_s:g})"
    return ""


def _budget(settings: Settings, measured: Measured) -> str:
    now_s, slow_s = settings.auth_query_timeout_s, measured.lookup_p99_s
    low_s, high_s = SLOW_BUDGET_S
    if now_s > MOST_BUDGET_S:
        return f"{now_s:g} s is near the 30 s at which callers give up: {MOST_BUDGET_S:g} s is the most that helps"
    if slow_s is not None and slow_s > SLOW_S and now_s < low_s:
        return f"look-ups take up to {slow_s:.1f} s (P99): {low_s:g} to {high_s:g} s (now {now_s:g}), never 30"
    return ""


def _ttl(settings: Settings, measured: Measured) -> str:
    pace, now_s = measured.changes_per_hour, settings.auth_cache_ttl_s
    if now_s == 0:
        return "0 turns caching off: every sign-in asks the database, and an outage lets nobody in"
    if pace is None:
        return ""
    if pace < CALM_PER_HOUR and now_s < CALM_TTL_S:
        return f"people's data rarely changes here: {CALM_TTL_S:g} s saves questions (now {now_s:g})"
    if pace > BUSY_PER_HOUR and now_s > BUSY_TTL_S:
        return f"people's data changes often here: {BUSY_TTL_S:g} s keeps answers near it (now {now_s:g})"
    return ""
