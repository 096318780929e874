"""How far an answer that is ``age_s`` old may be trusted: from ages alone, and revocation beats them all."""

from __future__ import annotations

import enum

MAX_CLOCK_SKEW_S = 5.0
"""How far another host's clock may run ahead of ours; an answer from further in the future has no age to trust."""

MAX_JITTER = 0.1
"""The greatest part of a lifetime that jitter takes away."""


class Freshness(enum.StrEnum):
    """What may be done with an answer."""

    FRESH = "fresh"
    """Give it, ask nobody."""
    STALE = "stale"
    """Give it as if fresh, and have it refreshed behind the caller's back."""
    LAST_KNOWN_GOOD = "last-known-good"
    """Ask the database first; give it, and say so, only where that does not answer in time."""
    EXPIRED = "expired"
    """Never give it."""


def freshness(
    age_s: float,
    ttl_s: float,
    last_known_good_max_age_s: float,
    *,
    revoked: bool,
    refresh_after_s: float | None = None,
) -> Freshness:
    """Judge an answer of ``age_s`` seconds; the first rule that holds decides.

    1. Revoked, or ``ttl_s`` is 0 (caching is off): ``EXPIRED``, however young.
    2. An age that cannot be: not a number, or more than ``MAX_CLOCK_SKEW_S`` below 0: ``EXPIRED``. Down to there it
       counts as 0.
    3. ``age_s < refresh_after_s`` (where given) and ``age_s < ttl_s``: ``FRESH``.
    4. ``age_s < ttl_s``: ``STALE``. At exactly ``ttl_s`` an answer is no longer fresh, as in Redis.
    5. ``age_s <= last_known_good_max_age_s``: ``LAST_KNOWN_GOOD``. A maximum of 0, or one below ``ttl_s``, leaves no
       room for this; it never shortens the time to live.
    6. Anything else: ``EXPIRED``.
    """
    if revoked or not ttl_s > 0 or not age_s >= -MAX_CLOCK_SKEW_S:
        return Freshness.EXPIRED
    if age_s < ttl_s:
        is_due = refresh_after_s is not None and age_s >= refresh_after_s
        return Freshness.STALE if is_due else Freshness.FRESH
    if age_s <= last_known_good_max_age_s:
        return Freshness.LAST_KNOWN_GOOD
    return Freshness.EXPIRED


def shortened(lifetime_s: float, fraction: float, max_jitter: float = MAX_JITTER) -> float:
    """``lifetime_s`` less up to ``max_jitter`` of it; ``fraction`` (0 up to 1) is the jitter, and it only shortens.

    Answers that were stored together thus do not end together.
    """
    return lifetime_s * (1.0 - max_jitter * min(1.0, max(0.0, fraction)))
