"""Which changes of people are known here: what every answer, old or under way, is held against."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")

MAX_CHANGES_REMEMBERED = 20_000
"""Changes that late writers are still held against; older ones have long been followed by everybody."""

MARGIN_S = 30.0
"""So far clocks of hosts may be apart, and so long may reading the newest change take, together."""


def is_put_back(version: int, seen: int, lost_since_s: float) -> bool:
    """Whether a database that counts up to ``version`` has another past than the one that counted up to ``seen``.

    A crash takes back the numbers of what was rolled back, which is said by ``lost_since_s``: a time.
    """
    return lost_since_s == -math.inf or (lost_since_s == math.inf and version < seen)


class NewestChanges(Generic[Key]):
    """The newest change of each person, and the newest that took something away; of ``most`` people at most.

    What others changed (credits, with each use) only ends that an older answer is fresh. No clock, one dictionary step
    a call.
    """

    __slots__ = ("_most", "_newest", "doubtful_below", "floor", "nameless", "reading")

    def __init__(self, most: int) -> None:
        """Know of none."""
        self._most = most
        self._newest: OrderedDict[Key, tuple[int, int, int]] = OrderedDict()
        self.floor = 0
        """What was taken from people up to this change is not known, so nothing that old is given."""
        self.doubtful_below = 0
        """What is older may have been overtaken by a change that was missed or forgotten: it is not fresh."""
        self.reading = 0
        """How many readings of changes were heard here. Whoever is asked for after one has seen what it told of."""
        self.nameless = 0
        """By which reading all was heard of that is below ``floor`` or ``doubtful_below`` and held by no name."""

    def heard(self, *, is_gap: bool = False) -> None:
        """Hear of one more reading; at a gap there may be changes in it that it does not tell of by name."""
        self.reading += 1
        if is_gap:
            self.nameless = self.reading

    def newest_of(self, person: Key) -> int:
        """The newest change known of the person, 0 where none is."""
        return self._newest.get(person, (0, 0))[0]

    def newest_taking_of(self, person: Key) -> int:
        """The newest change known that took something from the person, 0 where none did."""
        return self._newest.get(person, (0, 0))[1]

    def hold(self, person: Key, change_id: int, *, takes_away: bool) -> None:
        """Hold a change against whatever is remembered of the person from before it."""
        newest, taking, _ = self._newest.get(person, (0, 0, 0))
        newest, taking = max(change_id, newest), max(change_id, taking) if takes_away else taking
        self._newest[person] = newest, taking, self.reading
        self._newest.move_to_end(person)
        if len(self._newest) > self._most:
            _, (newest, taking, reading) = self._newest.popitem(last=False)
            self.doubtful_below = max(self.doubtful_below, newest)
            self.floor = max(self.floor, taking)
            self.nameless = max(self.nameless, reading)

    def is_below_floor(self, version: int, reading: int = -1) -> bool:
        """Whether an answer may not have seen what was taken from people who are not known by name.

        ``version`` orders answers of all processes, but stands still while a transaction writes for long; whoever was
        asked for here after ``reading`` has seen what that told of all the same.
        """
        return version < self.floor and reading < self.nameless

    def is_outdated(self, person: Key, version: int, reading: int = -1) -> bool:
        """Whether there was a change that an answer of ``version`` may not have seen: it is not fresh."""
        return self.is_below_floor(version, reading) or self.newest_of(person) > version

    def is_taken(self, person: Key, version: int, reading: int = -1) -> bool:
        """Whether something was taken away that an answer of ``version`` may not have seen: it is not given."""
        return self.is_below_floor(version, reading) or self.newest_taking_of(person) > version

    def is_doubtful(self, person: Key, version: int, reading: int = -1) -> bool:
        """Whether an answer of ``version`` is not fresh."""
        is_doubtful = version < self.doubtful_below and reading < self.nameless
        return is_doubtful or self.is_outdated(person, version, reading)


class KnownChanges(NewestChanges[str]):
    """The newest changes of people by their Privy id, and how far all changes of anybody are known."""

    __slots__ = ("_caught_up", "_caught_up_s", "is_heard", "seen")

    def __init__(self) -> None:
        """Know of none."""
        super().__init__(MAX_CHANGES_REMEMBERED)
        self._caught_up, self._caught_up_s = 0, -math.inf
        self.is_heard = False
        """Whether the database ever said here what has changed."""
        self.seen = 0
        """The newest change known of anybody: a database that is asked now knows all of them."""

    def begin_anew(self) -> None:
        """Forget all: the database counts its changes from lower on than has been seen."""
        self._newest.clear()
        self.seen = self.floor = self.doubtful_below = 0

    def caught_up(self, version: int, utc_now_s: float) -> None:
        """Know that ``version`` was the newest change of all a moment ago."""
        self.is_heard = True
        self.heard(is_gap=True)
        self._caught_up, self._caught_up_s = version, utc_now_s

    def finds_another_past(self, version: int, as_of_s: float) -> bool:
        """Whether an answer has seen changes that were not made by then: the database was restored since. Said once."""
        is_another = version > self._caught_up and as_of_s < self._caught_up_s - MARGIN_S
        if is_another:
            self._caught_up_s = -math.inf
        return is_another
