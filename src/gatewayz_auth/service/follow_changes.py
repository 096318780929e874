"""Notices what others change: each process reads the table of changes about once a second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.domain.errors import NotKnown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewayz_auth.domain.changes import Change, ChangesRead
    from gatewayz_auth.reliability.clock import Clock

READ_EVERY_S = 0.5
"""Half of the second within which a change must be noticed; the other half is for the reading itself."""


class ChangesSource(Protocol):
    """The table of changes, read from where this reader stood."""

    async def read(self) -> ChangesRead:
        """What was committed since the last reading that succeeded; raises ``NotKnown`` in time."""
        ...


class Follower(Protocol):
    """Whoever remembers something of people or keys; none of this waits or raises."""

    def notice(self, changes: Iterable[Change], version: int) -> None:
        """Follow ``changes``; ``version`` is the newest change known now."""
        ...

    def catch_up(
        self, taken: Iterable[Change], version: int, floor: int, lost_since_s: float, doubtful_below: int
    ) -> None:
        """Give nothing that ``taken`` took away, nothing of before ``floor``, and as fresh nothing of before now.

        Nor what the database may have lost, nor as fresh what ``doubtful_below`` casts doubt on (``domain.changes``).
        """
        ...

    def forget_what_redis_missed(self) -> None:
        """Tell Redis again what it was told in vain."""
        ...


class FollowChanges:
    """Tells all ``followers`` of every change; where some may have been missed, what was taken away of late."""

    def __init__(
        self, source: ChangesSource, *followers: Follower, clock: Clock, read_every_s: float = READ_EVERY_S
    ) -> None:
        """Follow nothing before ``run``."""
        self._source = source
        self._followers = followers
        self._clock = clock
        self._heard_s = clock.monotonic_s()
        self.is_heard = False
        """Whether the database ever answered."""
        self._read_every_s = read_every_s

    async def once(self) -> bool:
        """Read and follow what changed; False where the database did not say."""
        try:
            read = await self._source.read()
        except NotKnown:
            for follower in self._followers:
                follower.forget_what_redis_missed()  # in an outage above all: last known good is given from there
            return False
        self._heard_s = self._clock.monotonic_s()
        self.is_heard = True
        for follower in self._followers:
            if read.is_gap:
                follower.catch_up(read.changes, read.version, read.floor, read.lost_since_s, read.doubtful_below)
            else:
                follower.notice(read.changes, read.version)
        return True

    def silent_for_s(self) -> float:
        """Seconds since the database last answered."""
        return self._clock.monotonic_s() - self._heard_s

    async def run(self) -> None:
        """Follow for ever; a database that does not answer is asked again at the next turn."""
        while True:
            await self.once()
            await asyncio.sleep(self._read_every_s)
