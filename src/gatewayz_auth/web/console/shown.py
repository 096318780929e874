"""Snapshots, histories and people as the console's JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.history import merged
from gatewayz_auth.service.jobs_words import jobs_in_words
from gatewayz_auth.service.neighbours_seen import ribbon
from gatewayz_auth.service.situation import situation
from gatewayz_auth.service.view import answers_of
from gatewayz_auth.web.answers import number
from gatewayz_auth.web.console.person_tables import deeds_of, tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewayz_auth.service.dossier import Dossier
    from gatewayz_auth.service.history import Frame
    from gatewayz_auth.service.snapshot import Snapshot

NEIGHBOURS = ("postgres", "redis")
SHOWN_TROUBLES = 6
"""So many the page shows; of how many they are stands beside them."""


def now_as_json(now: Snapshot) -> dict[str, Any]:
    """The snapshot with its sentence, its band and the pool's line."""
    shown = asdict(now)
    shown["situation"] = situation(now).as_dict()
    shown["jobs"] |= {"name": "jobs", "state": now.jobs.state, "note": jobs_in_words(now.jobs)}
    shown["troubles_note"] = troubles_in_words(now)
    shown["pool"] |= {"band": now.pool.band, "words": now.pool.words, "diagnostics": now.pool.diagnostics}
    return shown


def troubles_in_words(now: Snapshot) -> str:
    """Of how many the problems shown are the last, and how many people they concern, as far as that is known."""
    if not now.troubles:
        return ""
    shown, whole = min(len(now.troubles), SHOWN_TROUBLES), now.unanswered
    if not whole:
        return "none in 15 min"
    who = "person" if now.concerned == 1 else "people"
    people = f", of {now.concerned:,} {who}" if now.concerned else ""
    return f"{f'the last {shown} of ' if whole > shown else ''}{whole:,} in 15 min{people}"


def history_as_json(frames: Sequence[Frame], span_s: int, step_s: int, until_s: float) -> dict[str, Any]:
    """Columns over ``span_s`` seconds in steps of ``step_s``; a step that nobody saw is null in every column."""
    last = int(until_s) // step_s
    first = last - span_s // step_s
    steps: dict[int, list[Frame]] = {}
    for frame in frames:
        steps.setdefault((frame.at_s - 1) // step_s, []).append(frame)
    columns: dict[str, list[float | None]] = {
        name: [] for name in ("cache", "database", "last_known_good", "refused", "p50", "p95", "p99")
    }
    for step in range(first, last):
        together = steps.get(step)
        values = _of_step(together) if together else dict.fromkeys(columns)
        for name, column in columns.items():
            column.append(values[name])
    return {
        "span": span_s,
        "step": step_s,
        "at": [(step + 1) * step_s for step in range(first, last)],
        **columns,
        "ribbons": {name: ribbon(name, frames) for name in NEIGHBOURS},
    }


def _of_step(frames: Sequence[Frame]) -> dict[str, float | None]:
    whole = merged(frames)
    given, span_s = answers_of(whole), max(1, whole.span_s)
    turned_away = given.refused + given.unknown + given.limited
    values: dict[str, float | None] = {
        "cache": given.cache / span_s,
        "database": given.database / span_s,
        "last_known_good": given.last_known_good / span_s,
        "refused": turned_away / span_s,
    }
    rounded = {name: None if value is None else round(value, 2) for name, value in values.items()}
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        wait_s = whole.quantile_s(share)
        rounded[name] = None if wait_s is None else round(wait_s, 5)
    return rounded


def masked(text: str | None) -> str | None:
    """The first letter of each part and dots: enough to compare, too little to know."""
    if not text:
        return text
    if "@" in text:
        name, _, domain = text.partition("@")
        return f"{name[:1]}•••@{domain[:1]}•••"
    return f"{text[:1]}•••"


def dossier_as_json(dossier: Dossier, *, is_masked: bool) -> dict[str, Any]:
    """One person; what is personal is masked unless it was asked for."""
    account = dossier.account
    hide = masked if is_masked else (lambda text: text)
    return {
        "masked": is_masked,
        "user_id": account.user_id,
        "privy_user_id": account.privy_user_id,
        "username": account.username,
        "display_name": hide(account.display_name),
        "email": hide(account.email),
        "claimed_email": hide(account.claimed_email),
        "phone_number": hide(account.phone_number),
        "claimed_phone_number": hide(account.claimed_phone_number),
        "auth_method": account.auth_method,
        "region": account.region,
        "credits": number(account.credits),
        "tier": account.tier,
        "subscription_status": account.subscription_status,
        "is_guest": account.is_guest,
        "is_active": account.is_active,
        "created_at": account.created_at,
        "database": dossier.database,
        "next_source": dossier.next_source,
        "next_age_s": dossier.next_age_s,
        "tiers": [asdict(tier) for tier in dossier.tiers],
        "tables": tables_of(dossier),
        "deeds": deeds_of(dossier),
    }
