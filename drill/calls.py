"""What callers saw, one record each."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayz_auth.service.load_plan import Kind


class Source(enum.StrEnum):
    """Where an answer came from; a caller without one has ``NOTHING``."""

    CACHE = "cache"
    DATABASE = "database"
    LAST_KNOWN_GOOD = "last-known-good"
    REFUSED = "refused"
    """401 or 403: the token was read and not accepted."""
    LATER = "later"
    """503: come back."""
    NOTHING = "nothing"
    """No answer before the caller gave up, or one that no caller can use."""


@dataclass(frozen=True, slots=True)
class Call:
    """One caller: came at ``at_s``, was answered or gave up ``waited_s`` later."""

    kind: Kind
    at_s: float
    waited_s: float
    source: Source
    status: int = 0
    is_wrong: bool = False
    """Somebody else's account, a forged token let in, or an honest caller told 401 or 403."""

    @property
    def is_answered(self) -> bool:
        """Whether there was an answer at all."""
        return self.source is not Source.NOTHING

    def is_answered_within(self, limit_s: float) -> bool:
        """Whether it came in time."""
        return self.is_answered and self.waited_s <= limit_s

    @property
    def is_signed_in(self) -> bool:
        """Whether it was the right answer for somebody honest."""
        return self.status == 200 and not self.is_wrong  # noqa: PLR2004 - HTTP


@dataclass(frozen=True, slots=True)
class Ping:
    """One look at whether the process is alive: came at ``at_s``, answered ``waited_s`` later, or not (None)."""

    at_s: float
    waited_s: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """All that callers of one program saw."""

    calls: tuple[Call, ...]
    pings: tuple[Ping, ...]
    latest_start_s: float = 0.0
    """How late the load itself was at most: added to what that caller waited."""
