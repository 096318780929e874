"""What the running service says of itself, and when certificates end: judged, pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.findings import critical, notice, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gatewayz_auth.service.findings import Finding

DAY_S = 86400.0
SOON_S, VERY_SOON_S = 30 * DAY_S, 7 * DAY_S
HIT_RATE = 0.8
ENOUGH = 100
"""Answers of a minute from which on their share is worth a word."""


def of_service(figures: Mapping[str, Any]) -> list[Finding]:
    """The findings about the service whose ``/figures`` these are."""
    return [*_of_cache(figures.get("minute") or {}), *_of_pool(figures.get("pool") or {})]


def _of_cache(minute: Mapping[str, Any]) -> Iterator[Finding]:
    cache, database, old = (int(minute.get(name) or 0) for name in ("cache", "database", "last_known_good"))
    answers = cache + database + old
    if answers >= ENOUGH and cache < HIT_RATE * answers:
        yield warning(
            "hit-rate-low", f"{cache / answers:.0%} of the last minute's sign-ins came from the cache",
            "The founding document expects 80 % and more of returning people; the others each ask the database.",
            "docs/runbook/hit-rate-low.md",
        )  # fmt: skip
    if old:
        yield warning(
            "last-known-good", f"{old} of the last minute's sign-ins were answered from last known good",
            "The database did not answer them in time.", "docs/runbook/database-away.md",
        )  # fmt: skip


def _of_pool(pool: Mapping[str, Any]) -> Iterator[Finding]:
    if pool.get("band") in {"WARNING", "CRITICAL"}:
        make = critical if pool["band"] == "CRITICAL" else warning
        yield make(
            "pool-near-its-end", f"The service's pool is {pool['band']}",
            f"{pool.get('diagnostics', '')}. Whoever is not remembered waits for a connection.",
            "docs/runbook/pool-near-its-end.md",
        )  # fmt: skip
    if abandoned := int(pool.get("abandoned") or 0):
        yield warning(
            "calls-abandoned", f"{abandoned} calls to the database were walked away from and still run",
            "Each holds a connection until it really ends.",
            "Look for locks above, and for statements that run on: SELECT * FROM pg_stat_activity",
        )  # fmt: skip


def service_silent(url: str, why: str) -> Finding:
    """The service was to be found at ``url`` and did not answer."""
    return warning(
        "service-silent", f"The service at {url} does not answer: {why}",
        "Its hit rate and its pool are not known, and nobody may be signed in by it.",
        "gatewayz-auth status; docs/runbook/does-not-start.md",
    )  # fmt: skip


def service_closed(url: str) -> Finding:
    """The service answers and does not show its figures to us."""
    return notice(
        "service-closed", f"The service at {url} does not show its figures here",
        "Its hit rate and its pool are not known.", "Set ADMIN_TOKEN, or name the address of OPS_LISTEN with --url.",
    )  # fmt: skip


def of_certificate(whose: str, ends_s: float | None, now_s: float) -> list[Finding]:
    """The finding about a certificate that ends at ``ends_s``, where that is soon."""
    if ends_s is None or ends_s - now_s > SOON_S:
        return []
    days = (ends_s - now_s) / DAY_S
    make = critical if ends_s - now_s < VERY_SOON_S else warning
    title = f"The certificate of {whose} " + (f"ended {-days:.0f} days ago" if days < 0 else f"ends in {days:.0f} days")
    return [
        make(
            "certificate-ends", title, "From then on whoever checks it does not connect any more.",
            "Have it renewed, and look why that did not happen by itself.",
        )
    ]  # fmt: skip
