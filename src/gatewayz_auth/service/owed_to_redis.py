"""What Redis is still to be told: it may have been away when it was told first."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gatewayz_auth.domain.cached_person import CachedPerson
    from gatewayz_auth.service.ports import SharedCache

MAX_OWED = 10_000
"""People of whom Redis is owed something; past it the oldest are dropped: what it holds is held against changes."""

RETRIED_AT_ONCE = 32


class OwedToRedis:
    """Tells Redis whom to forget and whom to remember, behind the caller, and again until it has been done.

    ``later`` runs work behind the caller; ``is_outdated`` says of a Privy id and a version whether it may no longer be
    remembered. The last word about a person wins.
    """

    def __init__(
        self,
        shared: SharedCache | None,
        later: Callable[[Coroutine[object, object, None], str], bool],
        is_outdated: Callable[[str, int], bool],
    ) -> None:
        """Owe nothing yet."""
        self._shared = shared
        self._later = later
        self._is_outdated = is_outdated
        self._unforgotten: OrderedDict[str, tuple[str | None, bool]] = OrderedDict()
        self._unremembered: OrderedDict[str, CachedPerson] = OrderedDict()

    def remember(self, privy_id: str, person: CachedPerson) -> None:
        """Have Redis remember ``person``, while nothing has overtaken them."""
        if self._shared is not None:
            self._unremembered[privy_id] = person
            _bound(self._unremembered)
            self._later(self._try_to_remember(privy_id), "remember")

    def forget(self, privy_id: str, username: str | None, *, also_last_known_good: bool) -> None:
        """Have Redis forget the person; the last known good only where something was taken away."""
        if self._shared is None:
            return
        self._unremembered.pop(privy_id, None)
        _, before = self._unforgotten.pop(privy_id, (None, False))
        self._unforgotten[privy_id] = (username, also_last_known_good or before)
        _bound(self._unforgotten)
        self._later(self._try_to_forget(privy_id), "forget")

    def tell_again(self) -> None:
        """Tell Redis again what it was told in vain, some people at a time."""
        for privy_id in list(self._unforgotten)[:RETRIED_AT_ONCE]:
            self._unforgotten.move_to_end(privy_id)
            self._later(self._try_to_forget(privy_id), "forget")
        for privy_id in list(self._unremembered)[:RETRIED_AT_ONCE]:
            self._unremembered.move_to_end(privy_id)
            self._later(self._try_to_remember(privy_id), "remember")

    async def _try_to_remember(self, privy_id: str) -> None:
        person = self._unremembered.get(privy_id)
        if person is None or self._shared is None:
            return
        is_done = self._is_outdated(privy_id, person.change_version) or await self._shared.put(person)
        if is_done and self._unremembered.get(privy_id) is person:
            del self._unremembered[privy_id]

    async def _try_to_forget(self, privy_id: str) -> None:
        pending = self._unforgotten.get(privy_id)
        if pending is None or self._shared is None:
            return
        username, also_last_known_good = pending
        done = await self._shared.forget(privy_id, username, also_last_known_good=also_last_known_good)
        if done and self._unforgotten.get(privy_id) == pending:
            del self._unforgotten[privy_id]


def _bound(owed: OrderedDict[str, Any]) -> None:
    if len(owed) > MAX_OWED:
        owed.popitem(last=False)
