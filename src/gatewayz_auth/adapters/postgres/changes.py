"""What was changed in the database, by whomever, since one last asked: nothing is told twice, nothing is missed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatewayz_auth.adapters.postgres.numbering import History, Numbering
from gatewayz_auth.domain.changes import Change, ChangesRead
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.deadline import Deadline

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool, Row
    from gatewayz_auth.reliability.clock import Clock

MAX_CHANGES = 5_000
"""Changes told in one reading; where there are more, it is said that they are too many."""

MAX_SILENCE_S = 300.0
"""A reader that has not read for longer may have missed something: the table is trimmed meanwhile."""

SLOW_LIMIT_S = 3.0
"""What a reading may take where the database answers others: one that takes a second or two for each statement signs
people in, and nobody else would tell it that somebody was disabled."""

TRIM_EVERY_S = 60.0
TRIM_AFTER_S = 2 * MAX_SILENCE_S
TRIM_ROWS = 5_000
"""Rows that go at once, so that it takes some tens of milliseconds; where there are more, the next reading goes on."""

REMEMBERED_S = 86_400.0
MARGIN_S = 3_600.0
"""A change is stamped when its transaction begins and counts when that commits: so much later at most."""


@dataclass(frozen=True, slots=True)
class _Mark:
    era: str
    snapshot: str
    at: dt.datetime


class PostgresChanges:
    """Reads the table of changes, once a second say; ``limit_s`` bounds each call. Not for two readers at once.

    A reading may take ``SLOW_LIMIT_S`` while the database ``is_answering`` others.
    ``remembered_s`` is for how long anybody may be given an older answer: what was taken away from people is kept for
    an hour longer, so that a reader that has just started learns of it, and not only of what comes.
    """

    def __init__(  # noqa: PLR0913 - the parts it is made of
        self,
        pool: Pool,
        call: Call,
        clock: Clock,
        limit_s: float,
        is_answering: Callable[[], bool] = lambda: False,
        *,
        remembered_s: float = REMEMBERED_S,
    ) -> None:
        """Stand nowhere yet: the first reading is a gap."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self._limit_s = limit_s
        self._is_answering = is_answering
        self._taken_s = remembered_s + MARGIN_S
        self._mark: _Mark | None = None
        self._horizon: int | None = None
        self._numbering = Numbering()
        self._marks: list[tuple[float, _Mark]] = []
        self._trimmed_s = clock.monotonic_s()
        self._is_to_trim = False

    def follow(self, remembered_s: float) -> None:
        """Keep what was taken away for as long as somebody may be given an answer of ``remembered_s`` seconds ago."""
        self._taken_s = remembered_s + MARGIN_S

    async def read(self) -> ChangesRead:
        """All changes since the last reading, in one round trip; ``NotKnown`` leaves it where it stood."""
        mark = self._mark
        if mark is None:
            return await self._caught_up()
        asked_at_s = self._clock.monotonic_s(), self._clock.utc_now_s()
        parameters = {
            "era": mark.era,
            "snapshot": mark.snapshot,
            "at": mark.at,
            "max_age_s": MAX_SILENCE_S,
            "max_rows": MAX_CHANGES + 1,
        }
        rows = await self._rows("changes_since", parameters, self._reading_limit_s)
        first = rows[0]
        if first["is_gap"] or len(rows) > MAX_CHANGES or any(row["kind"] == "all" for row in rows):
            return await self._caught_up()
        with contextlib.suppress(NotKnown):  # a later reading will do
            await self._trim()
        # Not before: whatever fails on the way here, what was read and not told is read again.
        self._mark, self._horizon = _Mark(first["era"], first["snapshot"], first["at"]), first["horizon"]
        self._numbering.heard(*asked_at_s, _next_number(first))
        changes = tuple(_change(row) for row in rows if row["user_id"] is not None)
        return ChangesRead(changes, first["horizon"] - 1, is_gap=False)

    async def _caught_up(self) -> ChangesRead:
        """Stand where the database stands now, with all that is still known to have been taken from people.

        And with what else is still known to have changed since this reader last read, and before it first read with
        what is too new to be held against versions: a transaction that writes for long holds those back.
        """
        asked_at_s = self._clock.monotonic_s(), self._clock.utc_now_s()
        parameters = {"max_rows": MAX_CHANGES + 1, "since": self._horizon}
        rows = await self._rows("changes_mark", parameters, self._reading_limit_s)
        first = rows[0]
        since = first["horizon"] if self._horizon is None else self._horizon
        recent = [row["xact"] for row in rows if row["kind"] is not None and row["xact"] >= since]
        doubtful_below = recent[MAX_CHANGES] if len(recent) > MAX_CHANGES else 0
        self._mark, self._horizon = _Mark(first["era"], first["snapshot"], first["at"]), first["horizon"]
        self._marks.clear()  # of another era, maybe
        history = History(first["system"], first["timeline"])
        lost_since_s = self._numbering.lost_since_s(asked_at_s[0], _next_number(first), history)
        self._numbering.heard(*asked_at_s, _next_number(first))
        floor = max((row["xact"] for row in rows if row["kind"] == "all"), default=0)
        taken_away = [row["xact"] for row in rows if row["takes_away"]]
        if len(taken_away) > MAX_CHANGES:
            floor = max(floor, taken_away[-1])
        taken = tuple(_change(row) for row in reversed(rows) if row["user_id"] is not None)
        version = first["horizon"] - 1
        return ChangesRead(
            taken, version, is_gap=True, floor=floor, lost_since_s=lost_since_s, doubtful_below=doubtful_below
        )

    async def _trim(self) -> None:
        """Now and then take away what everybody has long read."""
        now_s = self._clock.monotonic_s()
        if self._mark is not None and now_s - self._trimmed_s >= TRIM_EVERY_S:
            self._trimmed_s = now_s
            self._is_to_trim = True
            self._marks.append((now_s, self._mark))
        old = [one for one in self._marks if now_s - one[0] >= TRIM_AFTER_S]
        if not self._is_to_trim or not old:
            return
        self._is_to_trim = False  # where it fails, in a minute again
        self._marks = [old[-1], *(one for one in self._marks if now_s - one[0] < TRIM_AFTER_S)]
        parameters = {"snapshot": old[-1][1].snapshot, "max_rows": TRIM_ROWS, "taken_s": self._taken_s}
        rows = await self._rows("trim_changes", parameters, self._limit_s)
        self._is_to_trim = rows[0]["trimmed"] >= TRIM_ROWS

    @property
    def _reading_limit_s(self) -> float:
        return max(self._limit_s, SLOW_LIMIT_S) if self._is_answering() else self._limit_s

    async def _rows(self, name: str, parameters: dict[str, Any], limit_s: float) -> list[Row]:
        deadline = Deadline.after(self._clock.monotonic_s(), limit_s)
        return await self._call(
            lambda: self._pool.rows(name, parameters, deadline.left_s(self._clock.monotonic_s())),
            key="changes",
            deadline=deadline,
            own_limit_s=limit_s,
            operation=name,
        )


def _next_number(row: Row) -> int:
    return int(row["snapshot"].split(":")[1])


def _change(row: Row) -> Change:
    return Change(row["xact"], row["user_id"], row["privy_user_id"], row["username"], row["takes_away"])
