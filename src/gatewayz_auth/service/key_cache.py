"""The API keys that one process remembers, by digest: bounded, least recently used first to go."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from gatewayz_auth.service.known_changes import NewestChanges

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.domain.key_holder import KeyHolder

MAX_KEYS = 50_000
"""Some 0.6 kB each: at most about 30 MB a process."""

MAX_CHANGES = 20_000
"""People whose changes a slow look-up is still held against; and revoked keys that were shown."""


class RememberedKey:
    """Whose a key is; ``as_of_s`` is when the database was asked (UTC), ``fresh_until_s`` on the monotonic clock.

    ``version`` is the newest change that had been noticed before it was asked.
    """

    __slots__ = ("as_of_s", "fresh_until_s", "holder", "is_changed", "version")

    def __init__(self, holder: KeyHolder, as_of_s: float, fresh_until_s: float, version: int = 0) -> None:
        """Keep the record as it is."""
        self.holder = holder
        self.as_of_s = as_of_s
        self.fresh_until_s = fresh_until_s
        self.version = version
        self.is_changed = False
        """Whether the owner is known to have changed since."""


class KeyCache:
    """Keys by digest and by owner, and who was changed since when; no clock, and no step that grows with its size."""

    def __init__(self, max_keys: int = MAX_KEYS, max_changes: int = MAX_CHANGES, *, readings: int = 0) -> None:
        """Start empty; ``readings`` of changes were heard before."""
        self._max_keys = max_keys
        self._max_changes = max_changes
        self._entries: OrderedDict[bytes, RememberedKey] = OrderedDict()
        self._of_user: dict[int, set[bytes]] = {}
        self._changes: NewestChanges[int] = NewestChanges(max_changes)
        self._changes.reading = readings
        self._revoked: OrderedDict[bytes, None] = OrderedDict()
        self.evictions = 0

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._entries)

    def get(self, digest: bytes) -> RememberedKey | None:
        """What is remembered under ``digest``, now the most recently used, or None."""
        entry = self._entries.get(digest)
        if entry is not None:
            self._entries.move_to_end(digest)
        return entry

    def put(self, digest: bytes, entry: RememberedKey) -> None:
        """Remember ``entry``; the least recently used goes where there is no room."""
        self.forget(digest)
        self._entries[digest] = entry
        self._of_user.setdefault(entry.holder.user_id, set()).add(digest)
        if len(self._entries) > self._max_keys:
            self.forget(next(iter(self._entries)))
            self.evictions += 1

    def of(self, user_id: int) -> list[RememberedKey]:
        """Every key of a user; it does not count as a use."""
        return [self._entries[digest] for digest in self._of_user.get(user_id, ())]

    def forget(self, digest: bytes) -> None:
        """Drop one key."""
        entry = self._entries.pop(digest, None)
        if entry is None:
            return
        digests = self._of_user[entry.holder.user_id]
        digests.discard(digest)
        if not digests:
            del self._of_user[entry.holder.user_id]

    def forget_user(self, user_id: int, below: int) -> None:
        """Drop every key of a user that may not have seen the change ``below``."""
        for digest in [one for one in self._of_user.get(user_id, ()) if self._entries[one].version < below]:
            self.forget(digest)

    def forget_all(self, floor: int) -> None:
        """Drop every key that may not have seen the changes up to ``floor``, and take no such answer any more."""
        self._forget_where(lambda entry: entry.version < floor)
        self._changes.floor = max(self._changes.floor, floor)

    def forget_above(self, version: int) -> None:
        """Drop every key that has seen changes above ``version``, which were never made."""
        self._forget_where(lambda entry: entry.version > version)

    def forget_since(self, since_s: float) -> None:
        """Drop every key that the database was asked for since ``since_s`` (UTC)."""
        self._forget_where(lambda entry: entry.as_of_s >= since_s)

    def _forget_where(self, is_to_go: Callable[[RememberedKey], bool]) -> None:
        for digest in [one for one, entry in self._entries.items() if is_to_go(entry)]:
            self.forget(digest)

    def is_news(self, digest: bytes) -> bool:
        """Whether it is heard of for the first time here that the key of ``digest`` was revoked, which is for good."""
        is_known = digest in self._revoked
        self._revoked[digest] = None
        self._revoked.move_to_end(digest)
        if len(self._revoked) > self._max_changes:
            self._revoked.popitem(last=False)
        return not is_known

    def outdate_all(self) -> None:
        """Have nothing be fresh any more."""
        for entry in self._entries.values():
            entry.fresh_until_s = 0.0

    def changed(self, user_id: int, change_id: int, *, takes_away: bool) -> None:
        """Remember that ``change_id`` was made to a user: an answer from before it is not to be kept."""
        self._changes.hold(user_id, change_id, takes_away=takes_away)

    def heard(self, *, is_gap: bool = False) -> None:
        """Hear of one more reading of changes; a gap may not tell all of them by name."""
        self._changes.heard(is_gap=is_gap)

    @property
    def reading(self) -> int:
        """How many readings of changes were heard."""
        return self._changes.reading

    def is_outdated(self, user_id: int, version: int, reading: int = -1) -> bool:
        """Whether there was a change that an answer of ``version`` may not have seen: it is not fresh.

        One that was asked for after ``reading`` was heard here has seen all that it told of, named or not.
        """
        return self._changes.is_doubtful(user_id, version, reading)

    def is_taken(self, user_id: int, version: int) -> bool:
        """Whether something was taken away that an answer of ``version`` may not have seen: it is not given."""
        return self._changes.is_taken(user_id, version)
