"""Who shows this API key: junk refused at once, the rest by digest, remembered like a sign-in and as careful.

Revocation: a key that was revoked, or whose owner was disabled, is refused everywhere within a second; within five
where a message was lost; and where this process cannot reach the database at all, at the latest when the answer is
older than ``LAST_KNOWN_GOOD_MAX_AGE``.
"""

from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.domain import api_keys
from gatewayz_auth.domain.errors import (
    AccountDisabled,
    ApiKeyNotAccepted,
    KeyNotOpened,
    NotKnown,
    Refused,
)
from gatewayz_auth.domain.freshness import Freshness, freshness, shortened
from gatewayz_auth.domain.key_holder import CheckedKey, KeyHolder
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.auth_cache import REFRESH_AHEAD
from gatewayz_auth.service.key_cache import KeyCache, RememberedKey
from gatewayz_auth.service.known_changes import is_put_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gatewayz_auth.domain.cached_person import CachedPerson
    from gatewayz_auth.domain.changes import Change
    from gatewayz_auth.domain.key_holder import FoundKey
    from gatewayz_auth.domain.sign_in import StoredKey
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy
    from gatewayz_auth.reliability.owned_tasks import OwnedTasks
    from gatewayz_auth.reliability.single_flight import SingleFlight
    from gatewayz_auth.service.auth_cache import CachePolicy
    from gatewayz_auth.service.ports import Gate
    from gatewayz_auth.service.resealing import Resealing

LOOK_UP = "look up by API key"


class ApiKeys(Protocol):
    """The database, as it is asked for a key: one call, one round trip."""

    async def find(self, digests: tuple[bytes, ...], deadline: Deadline) -> FoundKey | None:
        """What stands under one of ``digests``; None is said by the database alone, else ``NotKnown``, in time."""
        ...


class Digester(Protocol):
    """The keyring, as far as a key is looked up by it."""

    def digests(self, api_key: str) -> list[tuple[str, bytes]]:
        """Id and digest for each secret, newest first."""
        ...

    def open(self, key: StoredKey, user_id: int) -> str:
        """The key in clear, or ``NotKnown`` where it was altered, moved to another row or owner, or is foreign."""
        ...


class Owners(Protocol):
    """What processes share of whose a key is; never raises, bounded to 50 ms a call."""

    async def key_owner(self, digest: bytes) -> str | None:
        """The Privy id of whom the key of ``digest`` was; None for anything that is not in order."""
        ...

    async def put_key_owner(self, digest: bytes, privy_id: str) -> bool:
        """Keep it for as long as a last known good answer is."""
        ...

    async def forget_keys(self, digests: Sequence[bytes]) -> bool:
        """Drop whose these keys are."""
        ...


class People(Protocol):
    """What processes share of people, held against every change that is known here."""

    async def known_to_all(self, privy_id: str) -> CachedPerson | None:
        """Whatever of the person may still be given, last known good included."""
        ...

    def forget(self, privy_id: str, username: str | None) -> None:
        """Drop everything that is remembered of the person, here and in Redis."""
        ...


class ApiKeyCheck:
    """Accepts keys for whoever is asked with one: the referral routes now, the edge of other services later.

    Answers from memory while fresh; asks the database once for all who show a key at once; where that does not answer
    in time, gives what it last knew, and says so. Remembers digests, never keys; never remembers that a key is unknown.
    A process that comes up while the database is away knows a key by what was last known good of its owner, who then
    still holds it: whatever ends that for a sign-in ends it for the key.
    """

    def __init__(  # noqa: PLR0913 - the parts it is made of
        self,
        policy: Callable[[], CachePolicy],
        keys: ApiKeys,
        vault: Digester,
        flights: SingleFlight[CheckedKey],
        gate: Gate,
        resealing: Resealing,
        tasks: OwnedTasks,
        clock: Clock,
        entropy: Entropy,
        owners: Owners | None = None,
        people: People | None = None,
    ) -> None:
        """Remember nobody yet; ``owners`` and ``people`` are None where there is no Redis."""
        self._policy = policy
        self.remembered = KeyCache()
        self._keys = keys
        self._vault = vault
        self._flights = flights
        self._gate = gate
        self._resealing = resealing
        self._tasks = tasks
        self._clock = clock
        self._entropy = entropy
        self._owners = owners
        self._people = people
        self._seen_version = 0
        self._doubtful_below = self._doubtful_reading = 0
        self._refreshing: set[bytes] = set()
        self._takings = 0

    async def check(self, api_key: str | None, deadline: Deadline) -> CheckedKey:
        """Whose ``api_key`` is. ``ApiKeyNotAccepted`` and ``AccountDisabled`` are said by knowledge alone.

        ``NotKnown`` before the deadline where the database does not answer and nothing trustworthy is remembered.
        """
        if not api_key or api_keys.tag_of(api_key) is None:
            raise ApiKeyNotAccepted
        digests = tuple(digest for _, digest in self._vault.digests(api_key))
        name = digests[0]
        entry = self.remembered.get(name) or await self._from_shared(api_key, name)
        trust = Freshness.EXPIRED if entry is None else self._trust(entry)
        if entry is not None and trust in {Freshness.FRESH, Freshness.STALE}:
            if trust is Freshness.STALE:
                self._refresh_later(api_key, digests)
            return self._checked(entry, Source.CACHE)
        has_older = entry is not None and trust is Freshness.LAST_KNOWN_GOOD
        can_wait = has_older and entry is not None and not entry.is_changed
        return await self._asked(api_key, digests, deadline, has_older=has_older, can_wait=can_wait)

    async def _from_shared(self, api_key: str, name: bytes) -> RememberedKey | None:
        """What the key's owner had at their last sign-in, never fresh; None where the key is not among it."""
        if self._owners is None or self._people is None:
            return None
        owner = await self._owners.key_owner(name)
        person = None if owner is None else await self._people.known_to_all(owner)
        if person is None or not person.account.is_active:
            return None
        account = person.account
        for stored in person.keys:
            try:
                is_it = hmac.compare_digest(self._vault.open(stored, account.user_id).encode(), api_key.encode())
            except NotKnown:  # sealed by a keyring that is not ours
                continue
            if is_it and not self.remembered.is_taken(account.user_id, person.change_version):
                holder = KeyHolder(
                    account.user_id, stored.key_id, stored.environment_tag, account.privy_user_id, account.tier
                )
                newer = self.remembered.get(name)
                if newer is not None and newer.as_of_s > person.as_of_s:  # asked for while we waited for Redis
                    return newer
                entry = RememberedKey(holder, person.as_of_s, 0.0, person.change_version)
                entry.is_changed = self.remembered.is_outdated(account.user_id, person.change_version)
                self.remembered.put(name, entry)
                return entry
        return None

    async def _asked(
        self, api_key: str, digests: tuple[bytes, ...], deadline: Deadline, *, has_older: bool, can_wait: bool
    ) -> CheckedKey:
        own_limit_s = self._policy().patience_s if has_older else self._policy().lookup_limit_s
        try:
            # Before the flight: nobody waits for a neighbour that is not asked at present.
            self._gate.check(can_wait=can_wait)
            return await self._flights.join(
                (digests[0], self._takings),  # whoever asks after a taking was noticed is not told what was before it
                lambda: self._look_up(api_key, digests),
                limit_s=deadline.limit_s(self._clock.monotonic_s(), own_limit_s),
                operation=LOOK_UP,
                give_up=self._gate.opening(),
                on_expiry=self._gate.expired,
            )
        except NotKnown:
            # Looked at again: a change may have been noticed while we waited, and revocation beats staleness.
            kept = self.remembered.get(digests[0])
            if not has_older or kept is None or self._trust(kept) is Freshness.EXPIRED:
                raise
            return self._checked(kept, Source.LAST_KNOWN_GOOD)

    async def _look_up(self, api_key: str, digests: tuple[bytes, ...]) -> CheckedKey:
        """Ask the database, and remember or forget by what it says."""
        version, reading, asked_at_s = self._seen_version, self.remembered.reading, self._clock.utc_now_s()
        deadline = Deadline.after(self._clock.monotonic_s(), self._policy().lookup_limit_s)
        found = await self._keys.find(digests, deadline)
        if found is None or found.is_revoked:
            # Once, until the change is noticed: or whoever shows an old key over and over had its owner forgotten.
            is_news = found is not None and self.remembered.is_news(digests[0])
            self._forget(digests[0], found.holder.privy_user_id if found is not None and is_news else None)
            raise ApiKeyNotAccepted
        holder, stored = found.holder, found.stored
        # A digest finds a row; that the row is this key's and this owner's is sealed inside it.
        if not hmac.compare_digest(self._vault.open(stored, holder.user_id).encode(), api_key.encode()):
            raise KeyNotOpened(stored.key_id, "it is not the key that its digest says")
        if not found.is_active:
            self._forget(digests[0], holder.privy_user_id)
            raise AccountDisabled
        self._resealing.consider(stored, holder.user_id)
        self._remember(digests[0], holder, version, asked_at_s, reading)
        if self._owners is not None and holder.privy_user_id is not None and not self._tasks.is_full:
            self._tasks.spawn(self._share(self._owners, digests[0], holder.privy_user_id), "share key owner")
        return CheckedKey(holder, Source.DATABASE, 0.0)

    def _forget(self, name: bytes, privy_id: str | None) -> None:
        """Have what the database refused not be taken back from Redis."""
        self.remembered.forget(name)
        if self._owners is not None and not self._tasks.is_full:
            self._tasks.spawn(self._disown(self._owners, name), "forget key owner")
        if self._people is not None and privy_id is not None:
            self._people.forget(privy_id, None)

    async def _disown(self, owners: Owners, name: bytes) -> None:
        await owners.forget_keys((name,))

    async def _share(self, owners: Owners, name: bytes, privy_id: str) -> None:
        await owners.put_key_owner(name, privy_id)

    def _remember(self, name: bytes, holder: KeyHolder, version: int, asked_at_s: float, reading: int) -> None:
        policy = self._policy()
        if policy.ttl_s <= 0 or self.remembered.is_outdated(holder.user_id, version, reading):
            return
        if version > self._seen_version:  # all was begun anew meanwhile: what this has seen is not known
            return
        life_s = shortened(policy.ttl_s, self._entropy.fraction()) * REFRESH_AHEAD
        ends_s = self._clock.monotonic_s() + life_s - max(0.0, self._clock.utc_now_s() - asked_at_s)
        is_doubtful = version < self._doubtful_below and reading < self._doubtful_reading
        self.remembered.put(name, RememberedKey(holder, asked_at_s, 0.0 if is_doubtful else ends_s, version))

    def _trust(self, entry: RememberedKey) -> Freshness:
        policy = self._policy()
        age_s = self._clock.utc_now_s() - entry.as_of_s
        verdict = freshness(age_s, policy.ttl_s, policy.last_known_good_max_age_s, revoked=False)
        if verdict is Freshness.FRESH and entry.fresh_until_s <= self._clock.monotonic_s():
            # Near its end: refreshed behind the caller. Outdated by a change: asked for.
            return Freshness.STALE if entry.fresh_until_s > 0 else Freshness.LAST_KNOWN_GOOD
        return verdict

    def _refresh_later(self, api_key: str, digests: tuple[bytes, ...]) -> None:
        name = digests[0]
        if name in self._refreshing or self._tasks.is_full:
            return
        self._refreshing.add(name)

        async def refresh() -> None:
            try:
                limit = Deadline.after(self._clock.monotonic_s(), self._policy().lookup_limit_s)
                await self._asked(api_key, digests, limit, has_older=False, can_wait=True)
            except (NotKnown, Refused):
                return
            finally:
                self._refreshing.discard(name)

        self._tasks.spawn(refresh(), "refresh API key")

    def notice(self, changes: Iterable[Change], version: int) -> None:
        """Follow ``changes`` that somebody made to people or keys; ``version`` is the newest change known now."""
        self.remembered.heard()
        self._follow(changes, version)

    def _follow(self, changes: Iterable[Change], version: int) -> None:
        for change in changes:
            self.remembered.changed(change.user_id, change.change_id, takes_away=change.takes_away)
            for entry in self.remembered.of(change.user_id):
                if entry.version < change.change_id:
                    entry.fresh_until_s = 0.0
                    entry.is_changed = True
            if change.takes_away:
                self._takings += 1
                self.remembered.forget_user(change.user_id, change.change_id)
        self._seen_version = max(self._seen_version, version)

    def catch_up(
        self,
        taken: Iterable[Change],
        version: int,
        floor: int,
        lost_since_s: float = math.inf,
        doubtful_below: int = 0,
    ) -> None:
        """Follow a gap: nothing of before ``version`` is fresh, and whose rights ``taken`` took are not remembered.

        Nor is anybody, where ``floor`` says that what was taken before it is not known, or what the database may have
        lost.
        """
        self._takings += 1
        if is_put_back(version, self._seen_version, lost_since_s):
            self.remembered = KeyCache(readings=self.remembered.reading)
            self._doubtful_below = self._seen_version = 0
        if lost_since_s < math.inf:
            self.remembered.forget_since(lost_since_s - self._policy().lookup_limit_s)
            self._seen_version = min(self._seen_version, version)
        self.remembered.heard(is_gap=True)
        self.remembered.forget_above(version)
        self.outdate_all(max(version, doubtful_below))
        if floor > self._seen_version:  # up to there it was told by name
            self.remembered.forget_all(floor)
        self._follow(taken, version)

    def outdate_all(self, version: int = 0) -> None:
        """Trust nothing of before ``version`` as fresh any more; it stays as last known good."""
        self._doubtful_below = max(self._doubtful_below, version)
        self._doubtful_reading = self.remembered.reading
        self.remembered.outdate_all()

    def forget_what_redis_missed(self) -> None:
        """Nothing: whose a key is never changes, and what the owner still holds is ``service.auth_cache``'s to tell."""

    def _checked(self, entry: RememberedKey, source: Source) -> CheckedKey:
        return CheckedKey(entry.holder, source, max(0.0, self._clock.utc_now_s() - entry.as_of_s))
