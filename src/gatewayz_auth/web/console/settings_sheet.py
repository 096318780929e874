"""The page Settings: every one with its value, where that comes from, its range, and what is changed while running."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.runtime_settings import CHANGEABLE
from gatewayz_auth.service.situation import span
from gatewayz_auth.web.console.sheet import away, cell, deed, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewayz_auth.service.live_settings import Live
    from gatewayz_auth.service.runtime_settings import Override
    from gatewayz_auth.service.steering_seen import SettingSeen

NOTE = (
    "What is changed here holds on every host within 5 s, over the environment, until it is unset or its time is over."
)
_CHOICE = re.compile(r"\w+(, \w+)* or \w+")
_LASTS = (("0", "until it is unset"), ("1800", "30 min"), ("7200", "2 h"), ("86400", "1 day"))


def settings_sheet(rows: Sequence[SettingSeen], live: Live, silent_s: float, now_s: float) -> dict[str, Any]:
    """Those that can be changed first; a secret is only set or not set."""
    stands, changed = away(silent_s), live.runtime.settings
    by_hand = [_changeable(row, changed.get(row.name), now_s) for row in rows if row.name in CHANGEABLE]
    at_start = [[_name(row), cell(row.value, row.source)] for row in rows if row.name not in CHANGEABLE]
    back = live.now.rolled_back
    undo = f" Rolled back, over all of this: {', '.join(back)}; gatewayz-auth rollback undo." if back else ""
    return {
        "title": "Settings",
        "note": NOTE + undo,
        "as_of": now_s if stands is None else now_s - silent_s,
        "order": live.runtime.version,
        "stands": stands,
        "closed": stands is not None,
        "cards": [],
        "deeds": [],
        "tables": [
            table("Can be changed while it runs", ("Setting", "Value", ""), by_hand),
            table("Read once at start", ("Setting", "Value"), at_start),
        ],
    }


def _name(row: SettingSeen) -> dict[str, Any]:
    return cell(row.name, row.range.replace("`", ""))


def _changeable(row: SettingSeen, override: Override | None, now_s: float) -> list[Any]:
    fields = (
        _field(row.value, row.range.replace("`", "")),
        {"name": "for_s", "word": "For how long", "options": _LASTS},
    )
    deeds = [deed("Change", f"steer/settings/{row.name}/set", f"{row.name}: {row.tunes.replace('`', '')}", fields)]
    if override is None or (override.until_s is not None and now_s >= override.until_s):
        return [_name(row), cell(row.value, row.source), cell("", deeds=deeds)]
    what = f"{row.name} is again what the environment says, on every host within 5 s."
    deeds.append(deed("Unset", f"steer/settings/{row.name}/unset", what))
    until = "until it is unset" if override.until_s is None else f"for another {span(override.until_s - now_s)}"
    by = f"changed while running, {until}, by {override.who}: {override.why or 'no reason given'}"
    return [_name(row), cell(row.value, by, "warn"), cell("", deeds=deeds)]


def _field(value: str, form: str) -> dict[str, Any]:
    """What asks for a value: a choice, the one that holds first, where ``form`` names the words there are."""
    field: dict[str, Any] = {"name": "value", "word": f"Value ({form})", "value": value}
    if _CHOICE.fullmatch(form):
        words = re.split(", | or ", form)
        field["options"] = [(word, word) for word in sorted(words, key=lambda word: word != value)]
    return field
