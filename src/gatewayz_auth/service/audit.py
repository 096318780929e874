"""What operators did, written down before it is done; nobody can edit it through the service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt

WHO_LENGTH, WHY_LENGTH = 200, 500
_PERSONAL = re.compile(r"did:privy:\S+|\S+@\S+|\+?\d[\d ()-]{6,}\d")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Somebody did ``what`` to ``subject`` (``user 42``, ``key …``), for the reason they gave."""

    at: dt.datetime
    who: str
    what: str
    subject: str
    why: str


class AuditLog(Protocol):
    """Append only. ``NotKnown`` where it cannot be reached: then nothing is done either."""

    async def add(self, who: str, what: str, subject: str, why: str) -> None:
        """Write one entry."""
        ...

    async def last(self, most: int) -> tuple[AuditEntry, ...]:
        """The last entries, newest first."""
        ...

    async def about(self, subjects: tuple[str, ...], most: int) -> tuple[AuditEntry, ...]:
        """The last ``most`` entries about any of ``subjects``, newest first, however many there are about others."""
        ...


def without_names(text: str) -> str:
    """``text`` without what names a person: the log outlives the people in it, who stand there by number alone."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return _PERSONAL.sub("(left out)", plain).strip()[:WHY_LENGTH]
