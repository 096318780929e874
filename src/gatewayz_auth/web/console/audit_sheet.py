"""The page Audit: what operators did, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.web.console.person_tables import day
from gatewayz_auth.web.console.sheet import cell, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewayz_auth.service.audit import AuditEntry

NOTE = "What operators did, newest first. Nobody can edit it through the service; people stand in it by number."
AWAY = "The audit log is in the database, which does not answer."


def audit_sheet(entries: Sequence[AuditEntry] | None, now_s: float) -> dict[str, Any]:
    """The last entries; None: the database did not say."""
    rows = [[cell(day(one.at), look="mono"), one.who, one.what, one.subject, one.why] for one in entries or ()]
    empty = (
        AWAY if entries is None else "Nothing yet: what is done to people, settings and the rollout will stand here."
    )
    return {
        "title": "Audit",
        "note": NOTE,
        "as_of": now_s,
        "order": 0.0 if entries is None else now_s,
        "stands": AWAY if entries is None else None,
        "closed": False,
        "cards": [],
        "deeds": [],
        "tables": [table("", ("When (UTC)", "Who", "What", "To whom", "Why"), rows, empty=empty)],
    }
