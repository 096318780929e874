"""What is remembered of a person between two sign-ins: the account, its sealed keys, and since when that was true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayz_auth.domain.sign_in import StoredKey
    from gatewayz_auth.domain.users import Account


@dataclass(frozen=True, slots=True)
class CachedPerson:
    """One account as the database said it at ``as_of_s`` (seconds since 1970, UTC, taken *before* it was asked).

    ``keys`` holds the sealed primary key of each environment tag that was asked for, never one in clear; a tag that is
    missing is not known, not "has none". ``change_version`` is the newest row of the ``changes`` table that the writer
    had seen before it asked, 0 where it does not know.
    """

    account: Account
    keys: tuple[StoredKey, ...]
    as_of_s: float
    change_version: int = 0

    def __repr__(self) -> str:
        """Name the account by its id alone: what is in here is personal."""
        return f"CachedPerson(user_id={self.account.user_id})"

    def age_s(self, utc_now_s: float) -> float:
        """Seconds since this was true, never below 0."""
        return max(0.0, utc_now_s - self.as_of_s)

    def key_for(self, environment_tag: str) -> StoredKey | None:
        """Give the sealed key of the tag; None where it is not known."""
        for key in self.keys:
            if key.environment_tag == environment_tag:
                return key
        return None

    def beside(self, older: CachedPerson) -> CachedPerson:
        """Keep the keys of other tags that ``older`` has, where it is the same account; all else stays as it is."""
        if older.account.user_id != self.account.user_id:
            return self
        own = {key.environment_tag for key in self.keys}
        others = tuple(key for key in older.keys if key.environment_tag not in own)
        return replace(self, keys=(*self.keys, *others)) if others else self
