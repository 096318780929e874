"""What one process remembers of the people it has answered: bounded, least recently used first to go."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ENTRIES = 200_000
"""About 0.9 kB each (docs/reference/performance.md): at most some 180 MB a process."""


class Remembered:
    """One person's answer for one environment tag, rendered; compact, because there are a hundred thousand of them.

    ``as_of_s`` is when the database was asked (UTC seconds); ``change_version`` the newest change that had been
    noticed before it was, which orders it against changes; ``fresh_until_s`` is on the monotonic clock.
    ``lacks``: what would bring news if it were proven (``domain.identity.proven``): no guest any more, a first
    e-mail, a first phone number; without what the database has been shown already. ``has_key``: an API key is in the
    answer.
    """

    __slots__ = ("as_of_s", "change_version", "fresh_until_s", "has_key", "lacks", "rendered", "user_id")

    def __init__(  # noqa: PLR0913 - a record
        self,
        user_id: int,
        rendered: bytes,
        as_of_s: float,
        change_version: int,
        fresh_until_s: float,
        *,
        has_key: bool,
        lacks: int,
    ) -> None:
        """Keep the record as it is."""
        self.user_id = user_id
        self.rendered = rendered
        self.as_of_s = as_of_s
        self.change_version = change_version
        self.fresh_until_s = fresh_until_s
        self.has_key = has_key
        self.lacks = lacks

    def __repr__(self) -> str:
        """Name the account by its id alone: the key is in here."""
        return f"Remembered(user_id={self.user_id})"


class ProcessCache:
    """Answers by (Privy id, environment tag), at most ``max_entries``; one dictionary step a call, no clock."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        """Start empty."""
        self._max = max_entries
        self._entries: OrderedDict[str, Remembered] = OrderedDict()
        self.evictions = 0
        self.hits = 0
        """Fresh answers given out of it, as whoever gives them counts."""

    @staticmethod
    def key(privy_id: str, environment_tag: str) -> str:
        """The key of an entry: the Privy id itself for ``live``, by far the most asked."""
        return privy_id if environment_tag == "live" else f"{privy_id} {environment_tag}"

    @staticmethod
    def privy_id(key: str) -> str:
        """Whose entry a key is of."""
        return key.partition(" ")[0]

    def get(self, privy_id: str, environment_tag: str) -> Remembered | None:
        """The entry, now the most recently used, or None."""
        key = privy_id if environment_tag == "live" else f"{privy_id} {environment_tag}"
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, privy_id: str, environment_tag: str, entry: Remembered) -> None:
        """Keep ``entry``, the most recently used; the least recently used goes where there is no room."""
        key = self.key(privy_id, environment_tag)
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self._max:
            self._entries.popitem(last=False)
            self.evictions += 1

    def entries(self) -> Iterable[Remembered]:
        """Every entry; it does not count as a use."""
        return self._entries.values()

    def asked_since(self, since_s: float) -> set[str]:
        """Whoever the database was asked for since ``since_s`` (UTC seconds), by Privy id."""
        return {self.privy_id(key) for key, entry in self._entries.items() if entry.as_of_s >= since_s}

    def outdate(self) -> None:
        """Have no entry be fresh any more."""
        for entry in self._entries.values():
            entry.fresh_until_s = 0.0

    def forget_outside(self, floor: int, newest: int) -> None:
        """Drop every entry that has not seen the change ``floor``, or that has seen changes above ``newest``."""
        entries = self._entries
        gone = [key for key, entry in entries.items() if not floor <= entry.change_version <= newest]
        if len(gone) == len(entries):  # one step: there may be two hundred thousand, and callers wait meanwhile
            entries.clear()
            return
        for key in gone:
            del entries[key]

    def forget_older(self, privy_id: str, below: int) -> None:
        """Drop every entry of the person that has not seen the change ``below``."""
        for tag in ("live", "test", "development"):
            entry = self._entries.get(key := self.key(privy_id, tag))
            if entry is not None and entry.change_version < below:
                del self._entries[key]

    def of(self, privy_id: str) -> list[Remembered]:
        """Every entry of the person; it does not count as a use."""
        keys = (privy_id, f"{privy_id} test", f"{privy_id} development")
        return [self._entries[key] for key in keys if key in self._entries]

    def forget(self, privy_id: str) -> None:
        """Drop every entry of the person."""
        self._entries.pop(privy_id, None)
        self._entries.pop(f"{privy_id} test", None)
        self._entries.pop(f"{privy_id} development", None)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()

    def __len__(self) -> int:
        """How many entries there are."""
        return len(self._entries)
