"""Mail that is owed: what is known of it, what became of a try, and when the next one is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

DELAYS_S = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Until the second try, the third and so on; a greylisting server wants some minutes, an outage is not hammered."""

LAST_DELAY_S = 4 * 3600.0
"""Between all tries after those."""

GIVE_UP_AFTER_S = 3 * 86400.0
MAX_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How many mails wait, for how many seconds the oldest has (None: none does), and how many failed in three days.

    Counted up to a thousand each.
    """

    waiting: int
    oldest_s: float | None
    failed: int


@dataclass(frozen=True, slots=True)
class OwedMail:
    """A row of the outbox that this process has taken: ``attempts`` counts this try, ``age_s`` is since it was owed.

    ``address`` is the account's verified e-mail as it is now, None where it has none any more.
    """

    mail_id: uuid.UUID
    user_id: int
    kind: str
    arguments: Mapping[str, object]
    attempts: int
    age_s: float
    address: str | None
    name: str
    is_active: bool

    def __repr__(self) -> str:
        """Name the row by its id alone: the rest is personal."""
        return f"OwedMail({self.mail_id})"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, in one language: subject, plain text and HTML, all of it escaped already."""

    language: str
    subject: str
    text: str
    html: str

    def __repr__(self) -> str:
        """Show nothing of it: it is personal."""
        return "Letter(…)"


@dataclass(frozen=True, slots=True)
class Sent:
    """A server has taken it on: it is theirs to deliver."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: ``reason`` holds no address; ``is_of_server``: no other mail would fare better at the moment."""

    reason: str
    is_of_server: bool


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """Never: trying again would lead to the same; ``reason`` holds no address.

    ``is_told``: it was said once for all mails, and needs no line for each.
    """

    reason: str
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class NotTried:
    """There was no time for it: the try is not counted."""


Outcome = Sent | Deferred | Undeliverable | NotTried


def next_delay_s(attempts: int, age_s: float, fraction: float) -> float | None:
    """Seconds until the next try after ``attempts`` (1 or more) in vain; None: three days are over, give it up.

    ``fraction`` (0 up to 1) is jitter, which lengthens by a tenth at most. The last try is when the three days end.
    """
    left_s = GIVE_UP_AFTER_S - age_s
    if not left_s > 0:
        return None
    delay_s = DELAYS_S[attempts - 1] if attempts <= len(DELAYS_S) else LAST_DELAY_S
    return min(delay_s * (1.0 + MAX_JITTER * fraction), left_s)
