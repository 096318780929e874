"""The form in which Jobs, Rollout and Settings are sent: cards, tables and deeds, which the page draws all alike.

::

    sheet   title, note, as_of (UTC seconds), order (a page keeps the highest), stands (why it stands still), closed
    ├── cards    word, figure, below
    ├── tables   title, columns, rows of cells, empty, half
    └── deeds    word, path, what, fields                closed: none can be done now
    cell    a text, or text with soft below it, look (fine, warn, bad, mono, right), deeds
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.situation import span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AWAY_AFTER_S = 3.0
_DAY = 86400


def clock(at_s: float) -> str:
    """The time of day in UTC."""
    second = int(at_s) % _DAY
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} UTC"


def away(silent_s: float) -> str | None:
    """Why the sheet stands still, in a sentence; None while the database answers."""
    if silent_s < AWAY_AFTER_S:
        return None
    return f"The database has not answered for {span(silent_s)}, and nothing can be changed until it does."


def cell(text: str, soft: str = "", look: str = "", deeds: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """One cell of a table."""
    return {"text": text, "soft": soft, "look": look, "deeds": list(deeds)}


def deed(word: str, path: str, what: str, fields: Sequence[Mapping[str, Any]] = (), look: str = "") -> dict[str, Any]:
    """What can be done: asked once with ``what`` it does, then sent to ``path`` below ``/console``."""
    return {"word": word, "path": path, "what": what, "fields": list(fields), "look": look}


def card(word: str, figure: str, below: str = "") -> dict[str, str]:
    """One figure; its unit stands behind a blank."""
    return {"word": word, "figure": figure, "below": below}


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str = "", half: bool = False
) -> dict[str, Any]:
    """Rows of cells; ``empty`` stands there while there are none."""
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows], "empty": empty, "half": half}
