"""Read-through: the process, then Redis, then the database; and last known good where the database does not answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayz_auth.domain.cached_person import CachedPerson
from gatewayz_auth.domain.errors import AccountDisabled, NotKnown, QueryTimeoutError, Refused, SignupsClosed
from gatewayz_auth.domain.freshness import MAX_CLOCK_SKEW_S, Freshness, freshness, shortened
from gatewayz_auth.domain.sign_in import Answer, NotFound, Source
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.known_changes import KnownChanges, is_put_back
from gatewayz_auth.service.owed_to_redis import OwedToRedis
from gatewayz_auth.service.process_cache import ProcessCache, Remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from gatewayz_auth.domain.changes import Change
    from gatewayz_auth.domain.sign_in import FindOrMake, SignInRequest
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy
    from gatewayz_auth.reliability.owned_tasks import OwnedTasks
    from gatewayz_auth.reliability.single_flight import SingleFlight
    from gatewayz_auth.service.ports import Accounts, Gate, KeyVault, Observer, Render, SharedCache
    from gatewayz_auth.service.resealing import Resealing

LOOK_UP = "look up by Privy id"
SECOND_LOOK_S = 0.2
"""Where less time is left, Redis is not asked a second time: it may take 50 ms."""

REFRESH_AHEAD = 0.8
"""The part of its life after which an answer is refreshed behind the back of whoever is given it."""


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """Lifetimes and patience, in seconds; a ``ttl_s`` of 0 turns all remembering off."""

    ttl_s: float
    last_known_good_max_age_s: float
    patience_s: float
    lookup_limit_s: float


class AuthCache:
    """Answers from what is remembered, asks the database once for all who ask at once, and follows every change."""

    def __init__(  # noqa: PLR0913 - the parts it is made of
        self,
        policy: CachePolicy,
        accounts: Accounts,
        vault: KeyVault,
        render: Render,
        shared: SharedCache | None,
        flights: SingleFlight[Answer],
        gate: Gate,
        resealing: Resealing,
        tasks: OwnedTasks,
        observer: Observer,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Remember nobody yet."""
        self.policy = policy
        self.process = ProcessCache()
        self._accounts = accounts
        self._vault = vault
        self._render = render
        self._shared = shared
        self._flights = flights
        self._gate = gate
        self._resealing = resealing
        self._tasks = tasks
        self._observer = observer
        self._clock = clock
        self._entropy = entropy
        self._changes = KnownChanges()
        self._refreshing: set[str] = set()
        self._owed = OwedToRedis(shared, self._later, self._changes)

    def follow(self, policy: CachePolicy) -> None:
        """Live by ``policy`` from now on, with what is remembered too: nothing is fresh for longer than it says."""
        before, self.policy = self.policy, policy
        if policy.ttl_s <= 0:
            self.process.clear()
        elif policy.ttl_s < before.ttl_s:
            latest_s = self._clock.monotonic_s() + policy.ttl_s * REFRESH_AHEAD
            utc_now_s = self._clock.utc_now_s()
            for entry in self.process.entries():
                entry.fresh_until_s = max(0.0, min(entry.fresh_until_s, latest_s - (utc_now_s - entry.as_of_s)))

    def fresh(self, request: SignInRequest, *, proves: int) -> Answer | None:
        """The answer where this process holds a fresh one that fits the request; waits for nothing."""
        entry = self.process.get(request.privy_user_id, request.environment_tag)
        if (
            entry is None
            or self._clock.monotonic_s() >= entry.fresh_until_s
            or (request.auto_create_api_key and not entry.has_key)
            or proves & entry.lacks
        ):
            return None
        age_s = self._clock.utc_now_s() - entry.as_of_s
        if not age_s < self.policy.ttl_s:
            return None  # the machine slept, and the monotonic clock with it
        self.process.hits += 1
        return Answer(entry.rendered, entry.user_id, Source.CACHE, max(0.0, age_s))

    async def answer(
        self, request: SignInRequest, wanted: Callable[[], FindOrMake], deadline: Deadline, *, proves: int
    ) -> Answer:
        """The answer, remembered or asked for; ``Refused`` or ``NotKnown`` before the deadline."""
        entry = self.process.get(request.privy_user_id, request.environment_tag)
        if entry is not None and request.auto_create_api_key and not entry.has_key:
            entry = None
        self._observer.cache_asked("process", "miss" if entry is None else "stale")
        if entry is None:
            entry = await self._from_shared(request)
        brings_news = entry is not None and bool(proves & entry.lacks)
        if entry is not None:
            trust = self._trust(entry)
            if not brings_news and trust in {Freshness.FRESH, Freshness.STALE}:
                if trust is Freshness.STALE:
                    self._refresh_later(request, wanted)
                return self._answer(entry, Source.CACHE)
            if trust is Freshness.EXPIRED:
                entry = None
        return await self._asked(request, wanted, deadline, entry, brings_news=brings_news)

    async def _asked(
        self,
        request: SignInRequest,
        wanted: Callable[[], FindOrMake],
        deadline: Deadline,
        older: Remembered | None,
        *,
        brings_news: bool,
    ) -> Answer:
        policy = self.policy
        own_limit_s = policy.lookup_limit_s if older is None else policy.patience_s
        limit_s = deadline.limit_s(self._clock.monotonic_s(), own_limit_s)
        try:
            # Before the flight: nobody waits for a neighbour that is not asked at present.
            is_same = older is not None and not self._changes.is_outdated(request.privy_user_id, older.change_version)
            self._gate.check(can_wait=is_same and not brings_news)
            self._observer.database_asked()
            question = wanted()
            return await self._flights.join(
                self._flight_key(question),
                lambda: self._look_up(question),
                limit_s=limit_s,
                operation=LOOK_UP,
                give_up=self._gate.opening(),
                on_expiry=self._gate.expired,
            )
        except NotKnown as error:
            if isinstance(error, QueryTimeoutError):
                self._observer.lookup_timed_out(error.timeout_s)
            if older is None and deadline.left_s(self._clock.monotonic_s()) > SECOND_LOOK_S:
                # Redis may only have been slow, or have heard of the person from another process since.
                older = await self._from_shared(request)
            # A change may have been noticed while we waited: what was remembered then is no longer to be given.
            kept = self.process.get(request.privy_user_id, request.environment_tag)
            if kept is not None and request.auto_create_api_key and not kept.has_key:
                kept = None  # remembered meanwhile, for somebody who wanted no key
            if (
                kept is None
                and older is not None
                and not self._changes.is_outdated(request.privy_user_id, older.change_version)
            ):
                kept = older  # it only had to make room for others
            if older is None or kept is None or self._trust(kept) is Freshness.EXPIRED:
                raise
            return self._answer(kept, Source.LAST_KNOWN_GOOD)

    async def _look_up(self, question: FindOrMake) -> Answer:
        """Ask the database, and remember or forget by what it says."""
        privy_id = question.privy_user_id
        version, reading, asked_at_s = self._changes.seen, self._changes.reading, self._clock.utc_now_s()
        deadline = Deadline.after(self._clock.monotonic_s(), self.policy.lookup_limit_s)
        found = await self._accounts.find_or_make(question, deadline)
        if isinstance(found, NotFound):
            self.forget(privy_id, None)
            raise SignupsClosed
        account = found.account
        if not account.is_active:
            self.forget(privy_id, account.username)
            raise AccountDisabled
        api_key = None if found.key is None else self._vault.open(found.key, account.user_id)
        keys = () if found.key is None else (found.key,)
        if found.key is not None:
            self._resealing.consider(found.key, account.user_id)
        person = CachedPerson(account, keys, asked_at_s, version)
        if version <= self._changes.seen:  # else all was begun anew meanwhile: what this has seen is not known
            self._remember(question.environment_tag, person, api_key, question.proves, reading)
            if self.policy.ttl_s > 0 and not self._changes.is_outdated(privy_id, version):
                self._owed.remember(privy_id, person, keeps_other_tags=len(self.process.of(privy_id)) > 1)
        return Answer(self._render(account, api_key, is_new=found.is_new), account.user_id, Source.DATABASE, 0.0)

    async def _from_shared(self, request: SignInRequest) -> Remembered | None:
        if self._shared is None or self.policy.ttl_s <= 0:
            return None
        person = await self.known_to_all(request.privy_user_id)
        if person is None:
            self._observer.cache_asked("redis", "miss")
            return None
        stored = person.key_for(request.environment_tag)
        if stored is None and request.auto_create_api_key:
            self._observer.cache_asked("redis", "miss")
            return None
        try:
            api_key = None if stored is None else self._vault.open(stored, person.account.user_id)
        except NotKnown:  # sealed by a keyring that is not ours: a miss, like anything else that is not in order
            self._observer.cache_asked("redis", "error")
            return None
        entry = self._remember(request.environment_tag, person, api_key)
        if entry is not None:
            if not self._changes.is_heard:  # what has changed before our start is not known
                entry.fresh_until_s = 0.0
            self._observer.cache_asked("redis", "hit" if entry.fresh_until_s > self._clock.monotonic_s() else "stale")
        return entry

    async def known_to_all(self, privy_id: str) -> CachedPerson | None:
        """What Redis holds of the person and no change that is known here has overtaken; it may be a day old."""
        if self._shared is None or self.policy.ttl_s <= 0:
            return None
        person = await self._shared.get(privy_id)
        if person is not None and self._changes.finds_another_past(person.change_version, person.as_of_s):
            self._owed.forget_everything()
        if person is None or self._owed.is_to_forget(privy_id, person.as_of_s):
            return None
        if self._changes.is_taken(privy_id, person.change_version):
            if self._changes.newest_taking_of(privy_id) <= person.change_version:  # from before anything known here
                self._owed.forget(
                    privy_id, person.account.username, also_last_known_good=True, below=self._changes.floor
                )
            return None
        return person

    def _remember(
        self, tag: str, person: CachedPerson, api_key: str | None, shown: int = 0, reading: int = -1
    ) -> Remembered | None:
        account = person.account
        privy_id = account.privy_user_id
        policy = self.policy
        if policy.ttl_s <= 0 or privy_id is None or self._changes.is_taken(privy_id, person.change_version, reading):
            return None
        utc_now_s = self._clock.utc_now_s()
        newer = self.process.get(privy_id, tag)
        if newer is not None and newer.as_of_s - utc_now_s > MAX_CLOCK_SKEW_S:
            newer = None  # the clock was set back: it is of no use until then
        if newer is not None and newer.as_of_s > person.as_of_s and (newer.has_key or api_key is None):
            return newer
        life_s = shortened(policy.ttl_s, self._entropy.fraction()) * REFRESH_AHEAD
        ends_s = self._clock.monotonic_s() + life_s - person.age_s(utc_now_s)
        entry = Remembered(
            account.user_id,
            self._render(account, api_key, is_new=False),
            person.as_of_s,
            person.change_version,
            0.0 if self._changes.is_doubtful(privy_id, person.change_version, reading) else ends_s,
            has_key=api_key is not None,
            lacks=account.lacks & ~shown,
        )
        self.process.put(privy_id, tag, entry)
        return entry

    def notice(self, changes: Iterable[Change], version: int) -> None:
        """Follow ``changes`` that somebody made to people or keys; ``version`` is the newest change known now."""
        self._changes.heard()
        for change in changes:
            if change.privy_user_id is None:
                continue
            self._changes.hold(change.privy_user_id, change.change_id, takes_away=change.takes_away)
            if change.takes_away:
                self.forget(change.privy_user_id, change.username)
            else:
                self._outdate(change.privy_user_id, change.username)
        self._changes.seen = max(self._changes.seen, version)
        self.forget_what_redis_missed()

    def catch_up(
        self, taken: Iterable[Change], version: int, floor: int, lost_since_s: float = math.inf, doubtful_below: int = 0
    ) -> None:
        """Follow a gap: nothing of before ``version`` is fresh, and nothing at all is given that ``taken`` took away.

        Nor what is older than ``floor``. Redis is told to forget what has not seen them: a process that starts while
        the database is away knows of none of this. Changes that only gave something may be among ``taken``. What the
        database may have lost (``lost_since_s``) is forgotten, and all of it where it was put back.
        """
        self._changes.caught_up(version, self._clock.utc_now_s())
        if is_put_back(version, self._changes.seen, lost_since_s):
            self._changes.begin_anew()
            self.process.clear()
            self._owed.forget_everything()
        if lost_since_s < math.inf:
            since_s = lost_since_s - self.policy.lookup_limit_s
            for owner in self.process.asked_since(since_s):
                self.forget(owner, None)
            self._owed.forget_asked(since_s, self._clock.utc_now_s() + MAX_CLOCK_SKEW_S)  # by other processes too
            self._changes.seen = min(self._changes.seen, version)
        floor = floor if floor > self._changes.seen else 0  # what was taken up to there was told by name
        if floor > self._changes.floor:
            self._changes.floor = floor
            self._owed.forget_everything(floor)
        for change in taken:
            privy_id = change.privy_user_id
            if privy_id is None:
                continue
            self._changes.hold(privy_id, change.change_id, takes_away=change.takes_away)
            self._owed.forget(privy_id, change.username, also_last_known_good=change.takes_away, below=change.change_id)
            if change.takes_away:
                self.process.forget_older(privy_id, change.change_id)
        self.process.forget_outside(floor, version)  # first: it may be all
        self.outdate_all(max(version, doubtful_below))
        self._changes.seen = max(self._changes.seen, version)
        self.forget_what_redis_missed()

    def outdate_all(self, version: int = 0) -> None:
        """Trust nothing of before ``version`` as fresh any more, here and in Redis; it stays as last known good.

        For a reader that may have missed changes: one that has just started has missed all that were made before.
        """
        self._changes.doubtful_below = max(self._changes.doubtful_below, version)
        self.process.outdate()

    def forget(self, privy_id: str, username: str | None) -> None:
        """Drop everything that is remembered of the person, here and in Redis, last known good included."""
        self.process.forget(privy_id)
        self._owed.forget(privy_id, username, also_last_known_good=True)

    def _outdate(self, privy_id: str, username: str | None) -> None:
        for entry in self.process.of(privy_id):
            entry.fresh_until_s = 0.0
        self._owed.forget(privy_id, username, also_last_known_good=False)

    def forget_what_redis_missed(self) -> None:
        """Tell Redis again what it was told in vain: it would outlive the change in a process that starts later."""
        self._owed.tell_again()

    def _trust(self, entry: Remembered) -> Freshness:
        policy = self.policy
        is_fresh = entry.fresh_until_s > self._clock.monotonic_s()
        age_s = self._clock.utc_now_s() - entry.as_of_s
        verdict = freshness(age_s, policy.ttl_s, policy.last_known_good_max_age_s, revoked=False)
        if verdict is Freshness.FRESH and not is_fresh:
            # Near its end: refreshed behind the caller. Outdated by a change: asked for.
            return Freshness.STALE if entry.fresh_until_s > 0 else Freshness.LAST_KNOWN_GOOD
        return verdict

    def _refresh_later(self, request: SignInRequest, wanted: Callable[[], FindOrMake]) -> None:
        if request.privy_user_id in self._refreshing:
            return
        self._refreshing.add(request.privy_user_id)

        async def refresh() -> None:
            try:
                self._gate.check(can_wait=True)
                question = wanted()
                await self._flights.join(
                    self._flight_key(question),
                    lambda: self._look_up(question),
                    limit_s=self.policy.lookup_limit_s,
                    operation=LOOK_UP,
                )
            except (NotKnown, Refused):
                return
            finally:
                self._refreshing.discard(request.privy_user_id)

        if not self._later(refresh(), "refresh"):
            self._refreshing.discard(request.privy_user_id)

    def _later(self, work: Coroutine[object, object, object], name: str) -> bool:
        if self._tasks.is_full:
            work.close()
            return False
        self._tasks.spawn(work, name)
        return True

    def _flight_key(self, question: FindOrMake) -> tuple[object, ...]:
        # Whoever asks for something else (another tag, a key, a referral, a proof) must not be given this one's answer,
        # nor whoever asks after a change was noticed what was asked for before it.
        return (
            question.privy_user_id,
            question.environment_tag,
            question.new_key is not None,
            question.referral_code,
            (question.is_proven, question.verified_email, question.verified_phone),
            self._changes.newest_of(question.privy_user_id),
            (self._changes.floor, self._changes.nameless),
        )

    def _answer(self, entry: Remembered, source: Source) -> Answer:
        age_s = self._clock.utc_now_s() - entry.as_of_s
        return Answer(entry.rendered, entry.user_id, source, max(0.0, age_s))
