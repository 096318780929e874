"""Takes a person out of everything that we keep, and proves it by a search for what they were called."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.domain.users import folded_username

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewayz_auth.domain.cached_person import CachedPerson
    from gatewayz_auth.domain.users import Account
    from gatewayz_auth.service.people import Directory
    from gatewayz_auth.service.records import Records

FOLLOWED_AFTER_S = 3.0
"""By then every process that is up has read that the person is gone; one that has not trusts nothing it remembers."""

_CHANGES = "gatewayz_auth.changes."  # kept for processes that have not heard yet, and trimmed
SILENT_REDIS = "Redis (it did not answer; what it holds ends within a day)"
"""Where a name may still stand that Redis could not be told to forget, and for how long."""


SILENT_DATABASE = "tables that could not be searched (the database did not answer in time)"
"""Where it is not known whether a name still stands; the person is erased all the same."""


class SharedMemory(Protocol):
    """What processes share, as an erasure sees it: never raises, bounded to 50 ms a call."""

    async def get(self, privy_id: str) -> CachedPerson | None:
        """Whatever is remembered of a Privy id, last known good included."""
        ...

    async def get_by_username(self, username: str) -> CachedPerson | None:
        """Whatever is remembered of a username."""
        ...

    async def forget(self, privy_id: str, username: str | None, *, also_last_known_good: bool) -> bool:
        """Drop all of it; False where that could not be done."""
        ...

    async def forget_keys(self, digests: Sequence[bytes]) -> bool:
        """Drop whose the API keys of ``digests`` are."""
        ...


class KeptLogs(Protocol):
    """The log files that we keep by name."""

    async def mask(self, parts: tuple[str, ...], usernames: tuple[str, ...]) -> int:
        """Overwrite every place where these stand; how many places that were."""
        ...

    async def traces(self, parts: tuple[str, ...], usernames: tuple[str, ...]) -> dict[str, int]:
        """Where any of these still stands, by file."""
        ...


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of it: ``left`` says where a name still stands, by place; empty where the search found nothing.

    ``again``: the account that whoever has this Privy id has made by signing in since.
    """

    user_id: int
    log_places: int
    left: dict[str, int]
    again: int | None = None

    @property
    def sentence(self) -> str:
        """What was done, and what the search says."""
        is_everywhere = SILENT_REDIS not in self.left
        places = "every table, every cache and the logs" if is_everywhere else "every table and the logs"
        done = f"User {self.user_id} is erased from {places}; the ledger keeps the number."
        if self.again is not None and is_everywhere:
            return f"{done} They have signed in again since then: as user {self.again}, a newcomer."
        if SILENT_DATABASE in self.left:
            rest = sorted(self.left.keys() - {SILENT_DATABASE})
            also = f", and still stand in {', '.join(rest)}" if rest else ""
            return f"{done} But the old names may still stand in {SILENT_DATABASE}{also}."
        if self.left:
            fades = all(place == SILENT_REDIS or place.startswith(_CHANGES) for place in self.left)
            then = (
                "They end there by themselves, soon after LAST_KNOWN_GOOD_MAX_AGE." if fades else "Look there by hand."
            )
            return f"{done} But the old names still stand in {', '.join(sorted(self.left))}. {then}"
        return f"{done} A search for the old names found nothing."


def names_of(account: Account) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What to search for: texts that are the person's alone wherever they stand; words that only whole values tell."""
    alone = (
        account.privy_user_id,
        account.email,
        account.claimed_email,
        account.phone_number,
        account.claimed_phone_number,
    )
    words = (account.username, folded_username(account.username), account.display_name)
    return tuple({text for text in alone if text}), tuple({text for text in words if text})


class Erasure:
    """Erases one person at a time; everything is bounded, and what was begun can be done again."""

    def __init__(
        self,
        directory: Directory,
        records: Records,
        shared: SharedMemory | None,
        logs: KeptLogs,
        followed_after_s: float = FOLLOWED_AFTER_S,
    ) -> None:
        """Keep the parts."""
        self._directory = directory
        self._records = records
        self._shared = shared
        self._logs = logs
        self._followed_after_s = followed_after_s

    async def erase(self, user_id: int) -> Erased | None:
        """Erase and search; None where nobody has this id. Takes some seconds: every process is to hear of it first."""
        account = await self._directory.by_user_id(user_id)
        digests = () if account is None else await self._records.key_digests(user_id)
        if account is None or not await self._records.erase(user_id):
            return None
        parts, words = names_of(account)
        await self._forget(account, digests)
        await asyncio.sleep(self._followed_after_s)
        is_told = await self._forget(account, digests)  # what was under way then may have been written since
        if is_told:  # else it is by these that processes which start later learn whom not to take from Redis
            with contextlib.suppress(NotKnown):  # then the search finds them there; they go within a day
                await self._records.forget_names_in_changes(user_id)
        places = await self._logs.mask(parts, words)
        left = await self._searched(parts, words)
        left |= await self._logs.traces(parts, words)
        left |= await self._remembered(account) if is_told else {SILENT_REDIS: 1}
        return Erased(user_id, places, left, await self._again(account))

    async def _searched(self, parts: tuple[str, ...], words: tuple[str, ...]) -> dict[str, int]:
        """Where any of these still stands; that they are erased is to be said also where it cannot be proven."""
        try:
            return dict(await self._records.traces(parts, words))
        except NotKnown:
            return {SILENT_DATABASE: 1}

    async def _again(self, account: Account) -> int | None:
        """As whom they have signed in since, as far as the database says."""
        if account.privy_user_id is None:
            return None
        with contextlib.suppress(NotKnown):
            again = await self._directory.by_privy_id(account.privy_user_id)
            return None if again is None else again.user_id
        return None

    async def _forget(self, account: Account, digests: tuple[bytes, ...]) -> bool:
        """Whether Redis has forgotten them, where there is one."""
        if self._shared is None:
            return True
        is_told = await self._shared.forget_keys(digests)
        if account.privy_user_id is None:
            return is_told
        name = folded_username(account.username)
        return await self._shared.forget(account.privy_user_id, name, also_last_known_good=True) and is_told

    async def _remembered(self, account: Account) -> dict[str, int]:
        if self._shared is None:
            return {}
        found = await self._shared.get_by_username(folded_username(account.username))
        if found is None and account.privy_user_id is not None:
            found = await self._shared.get(account.privy_user_id)
        return {} if found is None or found.account.user_id != account.user_id else {"Redis": 1}
