"""What the database keeps of a person besides the account, and how a person is taken out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import datetime as dt


MOST_SHOWN, MOST_EXPORTED = 200, 10_000
"""Rows of each kind that a page shows of a person, and that an export holds."""


@dataclass(frozen=True, slots=True)
class More:
    """Besides the account: the last sign-in that was written down (once a day), referrals, codes, the ledger."""

    last_sign_in_at: dt.datetime | None
    referrals: tuple[dict[str, Any], ...]
    codes: tuple[str, ...]
    ledger: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list of people: names that they chose themselves, nothing else personal."""

    user_id: int
    region: str
    privy_user_id: str | None
    username: str
    is_active: bool
    created_at: dt.datetime
    last_sign_in_at: dt.datetime | None


class Records(Protocol):
    """Each call ends in two seconds, in ``NotKnown`` at worst."""

    async def more_of(self, user_id: int, most: int = MOST_SHOWN) -> More:
        """What hangs on the account, the newest ``most`` of each kind."""
        ...

    async def key_digests(self, user_id: int) -> tuple[bytes, ...]:
        """The digests of all keys that the person ever had."""
        ...

    async def erase(self, user_id: int) -> bool:
        """Take the person out of every table but the ledger; False where nobody has this id."""
        ...

    async def forget_names_in_changes(self, user_id: int) -> None:
        """Take the person's names out of what processes are told, once they have heard it."""
        ...

    async def traces(self, parts: tuple[str, ...], words: tuple[str, ...]) -> dict[str, int]:
        """Where any of these still stands: ``parts`` anywhere, ``words`` as whole values; by table and column."""
        ...

    async def list_users(self, after: int, most: int) -> tuple[Listed, ...]:
        """People in the order of their ids, from behind ``after``."""
        ...

    async def find_users(self, text: str, most: int) -> tuple[Listed, ...]:
        """People one of whose names begins with ``text``."""
        ...
