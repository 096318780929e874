"""What hangs on one person, as tables, and what can be done to them, each with its consequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.situation import span
from gatewayz_auth.web.console.sheet import cell, clock, deed, table

if TYPE_CHECKING:
    import datetime as dt

    from gatewayz_auth.domain.key_record import KeyRecord
    from gatewayz_auth.service.dossier import Dossier, Recent

_NOT_KNOWN = "Not known at the moment: the database does not answer."
_DEEDS = {
    "invalidate": (
        "Forget what is remembered",
        "Every process forgets this person within a second. The next sign-in asks the database.",
    ),
    "disable": (
        "Disable",
        "They are kept out everywhere within a second, in an outage too, until you enable them.",
    ),
    "enable": ("Enable", "They may sign in again everywhere within a second."),
    "export": ("Export", "Everything that is kept of this person comes to you as one JSON file, unmasked."),
    "erase": (
        "Erase …",
        "They are taken out of every table, cache and log for good. The ledger keeps their number without a name.",
    ),
}


def deeds_of(dossier: Dossier) -> list[dict[str, Any]]:
    """What can be done to the person as they are now."""
    account = dossier.account
    senseless = "enable" if account.is_active else "disable"
    return [
        deed(word, f"people/{account.user_id}/{name}", what, look="danger" if name == "erase" else "")
        for name, (word, what) in _DEEDS.items()
        if name != senseless
    ]


def tables_of(dossier: Dossier) -> list[dict[str, Any]]:
    """Keys by prefix, referrals, last sign-ins."""
    last = None if dossier.more is None else dossier.more.last_sign_in_at
    noted = f"The first of its day that was written down: {day(last)} UTC." if last else "None that is remembered."
    recent = [_recent(one) for one in dossier.recent]
    is_known = dossier.database is None
    return [
        table("Keys", (), [_key(one) for one in dossier.keys], empty="None." if is_known else _NOT_KNOWN),
        table("Referrals", (), _referrals(dossier) if is_known else [], empty=_NOT_KNOWN),
        table("Last sign-ins", (), recent, empty=noted),
    ]


def day(at: dt.datetime) -> str:
    """Day and minute."""
    return f"{at:%Y-%m-%d %H:%M}"


def _key(key: KeyRecord) -> list[Any]:
    prefix = f"{key.prefix}…"
    used = f"used {day(key.last_used_at)}" if key.last_used_at else "not used yet"
    what = f"The key {prefix} stops working for good. The next sign-in makes a new one."
    end = (
        cell(f"✕ revoked {day(key.revoked_at)}")
        if key.revoked_at
        else cell("", deeds=(deed("Revoke", f"keys/{key.key_id}/revoke", what),))
    )
    return [cell(prefix, look="mono"), f"{key.environment_tag}, made {day(key.created_at)}", used, end]


def _referrals(dossier: Dossier) -> list[list[str]]:
    codes: tuple[str, ...] = ()
    made: dict[str, int] = {}
    came_by = "no code"
    if dossier.more is not None:
        codes = tuple(dossier.more.codes)
        for one in dossier.more.referrals:
            if one["referred_user_id"] == dossier.account.user_id:
                why = f" ({one['reason']})" if one["reason"] else ""
                came_by = f"{one['referral_code']}, {one['status']}{why}"
            else:
                made[one["status"]] = made.get(one["status"], 0) + 1
    brought = ", ".join(f"{count} {status}" for status, count in made.items())
    return [["Own code", ", ".join(codes) or "none"], ["Brought", brought or "nobody"], ["Came by", came_by]]


def _recent(one: Recent) -> list[Any]:
    said = f"from {one.source}" if one.outcome == "ok" else one.outcome
    return [cell(clock(one.at_s)), cell(said, one.request_id), cell(span(one.took_s), look="right")]
