"""What Redis is still to be told: it may have been away when it was told first."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gatewayz_auth.domain.cached_person import CachedPerson
    from gatewayz_auth.service.known_changes import KnownChanges
    from gatewayz_auth.service.ports import SharedCache, Span

MAX_OWED = 100_000
"""People whom Redis is still to forget; past it, it is to forget everybody."""

MAX_UNREMEMBERED = 10_000
"""People whom Redis is still to remember; past it the oldest are dropped: it merely does not know them."""

NEVER = (math.inf, -math.inf)
"""No time at all, as a span."""

AT_ONCE = 32
"""Calls at once when Redis is told again; it has room for twice as many."""


@dataclass(frozen=True, slots=True)
class _Forgetting:
    """Whom to forget: the fresh answer that has not seen the change ``below``, the last known good ``good_below``.

    Infinite: whatever stands there; 0: nothing.
    """

    username: str | None
    below: float
    good_below: float


class OwedToRedis:
    """Tells Redis whom to forget and whom to remember, behind the caller, and again until it has been done.

    ``later`` runs work behind the caller; ``changes`` are held against what is to be remembered. The last word about a
    person wins.
    """

    def __init__(
        self,
        shared: SharedCache | None,
        later: Callable[[Coroutine[object, object, object], str], bool],
        changes: KnownChanges,
    ) -> None:
        """Owe nothing yet."""
        self._shared = shared
        self._later = later
        self._changes = changes
        self._unforgotten: OrderedDict[str, _Forgetting] = OrderedDict()
        self._unremembered: OrderedDict[str, CachedPerson] = OrderedDict()
        self._sweeps_owed = self._sweeps_done = 0
        """How often Redis was to forget everybody, and which of these a whole sweep has followed."""
        self._sweep_below = 0.0
        """Whose answer of whoever stands there is to go: the one that has not seen this change; infinite: all."""
        self._lost_s: Span = NEVER
        """Whose answer was asked for in this time is to go too, whoever asked."""
        self._is_telling = False

    @property
    def _is_sweep_owed(self) -> bool:
        return self._sweeps_done < self._sweeps_owed

    @property
    def _is_everything_owed(self) -> bool:
        return self._is_sweep_owed and self._sweep_below == math.inf

    def __len__(self) -> int:
        """How many people Redis is still to forget or to remember."""
        return len(self._unforgotten) + len(self._unremembered)

    def is_to_forget(self, privy_id: str, as_of_s: float) -> bool:
        """Whether what Redis holds of the person, asked for at ``as_of_s``, may not be given: it has not heard yet."""
        owed = self._unforgotten.get(privy_id)
        is_lost = self._lost_s[0] <= as_of_s <= self._lost_s[1]
        return self._is_everything_owed or is_lost or (owed is not None and owed.good_below == math.inf)

    def remember(self, privy_id: str, person: CachedPerson, *, keeps_other_tags: bool = False) -> None:
        """Have Redis remember ``person`` while nothing has overtaken them, with its keys of other tags where wanted."""
        if self._shared is not None:
            self._unremembered[privy_id] = person
            if len(self._unremembered) > MAX_UNREMEMBERED:
                self._unremembered.popitem(last=False)
            self._later(self._try_to_remember(privy_id, keeps_other_tags=keeps_other_tags), "remember")

    def forget(
        self, privy_id: str, username: str | None, *, also_last_known_good: bool, below: int | None = None
    ) -> None:
        """Have Redis forget the person; the last known good only where something was taken away.

        ``below``: only what has not seen the change of this number; None: whatever stands there.
        """
        if self._shared is None:
            return
        what = math.inf if below is None else below
        self._owe(privy_id, _Forgetting(username, what, what if also_last_known_good else 0))
        if below is None:
            self._unremembered.pop(privy_id, None)
            self._later(self._try_to_forget(privy_id), "forget")

    def forget_everything(self, below: float = math.inf) -> None:
        """Have Redis forget everybody whose answer has not seen the change ``below``: what happened to whom is unknown.

        Until it has, reading is held against ``service.known_changes`` alone; where all are to go, nothing is read.
        """
        if self._shared is not None:
            self._sweeps_owed += 1
            self._sweep_below = max(self._sweep_below, below)
            if below == math.inf:
                self._unremembered.clear()

    def forget_asked(self, since_s: float, until_s: float) -> None:
        """Have Redis forget all whose answer was asked for in this time (UTC seconds), and read none of it until then.

        Whoever asked has forgotten them, if it still runs: a primary may have taken processes of ours along.
        """
        self._lost_s = min(self._lost_s[0], since_s), max(self._lost_s[1], until_s)
        self.forget_everything(0.0)

    def _owe(self, privy_id: str, owed: _Forgetting) -> None:
        before = self._unforgotten.pop(privy_id, None)
        if before is not None:
            owed = _Forgetting(
                owed.username or before.username,
                max(before.below, owed.below),
                max(before.good_below, owed.good_below),
            )
        self._unforgotten[privy_id] = owed
        if len(self._unforgotten) > MAX_OWED:
            self._unforgotten.popitem(last=False)
            self.forget_everything()

    def tell_again(self) -> None:
        """Tell Redis what it was told in vain or not at all, as fast as it answers; one telling at a time."""
        if not self._is_telling and (self._unforgotten or self._unremembered or self._is_sweep_owed):
            self._is_telling = self._later(self._tell(), "tell again")

    async def _tell(self) -> None:
        try:
            await self._sweep()
            for owed, tell in ((self._unforgotten, self._try_to_forget), (self._unremembered, self._try_to_remember)):
                waiting = list(owed)
                for start in range(0, len(waiting), AT_ONCE):
                    done = await asyncio.gather(*(tell(privy_id) for privy_id in waiting[start : start + AT_ONCE]))
                    if not all(done):
                        return  # Redis does not answer, or has no room: the next turn will do
        finally:
            self._is_telling = False

    async def _sweep(self) -> None:
        """Forget everybody, where that is owed; what came to be owed meanwhile may be behind the sweep, and stays."""
        if not self._is_sweep_owed or self._shared is None:
            return
        sweeps, below, owed_before = self._sweeps_owed, self._sweep_below, dict(self._unforgotten)
        if not await self._shared.forget_everything(below, self._lost_s):
            return
        self._sweeps_done = sweeps
        if not self._is_sweep_owed:
            self._sweep_below, self._lost_s = 0.0, NEVER
        if below < math.inf:
            return
        for privy_id, owed in owed_before.items():
            if self._unforgotten.get(privy_id) is owed:
                del self._unforgotten[privy_id]

    async def _try_to_remember(self, privy_id: str, *, keeps_other_tags: bool = False) -> bool:
        if privy_id in self._unforgotten and not await self._try_to_forget(privy_id):
            return False  # first things first: forgotten after it, the newer answer would go
        person = self._unremembered.get(privy_id)
        if person is None or self._shared is None:
            return True
        if keeps_other_tags:
            kept = await self._shared.get(privy_id)
            if self._unremembered.get(privy_id) is not person:
                return True  # forgotten meanwhile, or somebody newer is to be remembered, which has its own turn
            if kept is not None and not self._changes.is_outdated(privy_id, kept.change_version):
                person = self._unremembered[privy_id] = person.beside(kept)
        is_done = self._changes.is_outdated(privy_id, person.change_version) or await self._shared.put(person)
        if self._changes.is_outdated(privy_id, person.change_version):
            # The change was noticed while we wrote: its DEL may have been before our SET.
            is_taken = self._changes.is_taken(privy_id, person.change_version)
            self.forget(privy_id, person.account.username, also_last_known_good=is_taken)
        if is_done and self._unremembered.get(privy_id) is person:
            del self._unremembered[privy_id]
        return is_done

    async def _try_to_forget(self, privy_id: str) -> bool:
        owed = self._unforgotten.get(privy_id)
        if owed is None or self._shared is None:
            return True
        version = await self._version_there(privy_id, owed)
        is_done = version >= owed.below or await self._shared.forget(
            privy_id, owed.username, also_last_known_good=version < owed.good_below
        )
        if is_done and self._unforgotten.get(privy_id) is owed:  # and not another one like it, of a later change
            del self._unforgotten[privy_id]
        return is_done

    async def _version_there(self, privy_id: str, owed: _Forgetting) -> int:
        """Which changes what Redis holds has seen; 0 where it holds nothing, and where that makes no difference."""
        is_all_one = owed.below == math.inf and owed.good_below in {0, math.inf}
        kept = None if is_all_one or self._shared is None else await self._shared.get(privy_id)
        return 0 if kept is None else kept.change_version
