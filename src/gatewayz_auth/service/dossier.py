"""One person as operators see them: who, from where the next answer would come and how old it is, keys, referrals."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.domain.freshness import Freshness, freshness
from gatewayz_auth.domain.identity import is_privy_id
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.service.people import Shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.domain.cached_person import CachedPerson
    from gatewayz_auth.domain.key_record import KeyRecord
    from gatewayz_auth.domain.users import Account
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.auth_cache import CachePolicy
    from gatewayz_auth.service.people import People
    from gatewayz_auth.service.process_cache import ProcessCache
    from gatewayz_auth.service.records import More, Records
    from gatewayz_auth.service.sign_in_report import SignInReport

RECENT = 2000
SHOWN_RECENT = 10
LATELY_S = 60.0
_HIGHEST_ID_LENGTH = 19


class Shared(Protocol):
    """Redis as a look-up sees it: never raises, bounded to 50 ms."""

    async def get(self, privy_id: str) -> CachedPerson | None:
        """The fresh answer, else the last known good one."""
        ...

    async def get_last_known_good(self, privy_id: str) -> CachedPerson | None:
        """The last known good answer alone."""
        ...

    async def get_by_username(self, username: str) -> CachedPerson | None:
        """Whoever goes by a username, while fresh."""
        ...


@dataclass(frozen=True, slots=True)
class Tier:
    """One place where the person is remembered: ``this process``, ``Redis``; how old, and of what worth."""

    name: str
    age_s: float
    worth: str


@dataclass(frozen=True, slots=True)
class Recent:
    """One sign-in of the person that this process has answered."""

    at_s: float
    outcome: str
    source: str
    took_s: float
    request_id: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """All of it. ``database`` is None where it answered, else why it did not: then only what is remembered is shown."""

    account: Account
    database: str | None
    next_source: str
    next_age_s: float | None
    tiers: tuple[Tier, ...]
    keys: tuple[KeyRecord, ...] = ()
    more: More | None = None
    recent: tuple[Recent, ...] = field(default=())

    @property
    def shown(self) -> Shown:
        """The account as ``people`` shows it."""
        if self.database is None:
            return Shown(self.account, Source.DATABASE, 0.0)
        return Shown(self.account, Source.LAST_KNOWN_GOOD, max((tier.age_s for tier in self.tiers), default=0.0))


class Logged(Protocol):
    """The sign-ins that stand in the log, whichever process wrote them."""

    async def __call__(self, user_id: int, most: int) -> tuple[Recent, ...]:
        """The person's last ones, newest first."""
        ...


class RecentSignIns:
    """The last ``RECENT`` sign-ins that this process has answered; one step of a deque each."""

    def __init__(self, clock: Clock) -> None:
        """Know none."""
        self._clock = clock
        self._reports: deque[tuple[float, SignInReport]] = deque(maxlen=RECENT)
        self._old: deque[tuple[float, float]] = deque(maxlen=RECENT)

    def heard(self, report: SignInReport) -> None:
        """Remember one."""
        now_s = self._clock.utc_now_s()
        self._reports.append((now_s, report))
        if report.source == "last-known-good":
            self._old.append((now_s, report.age_s))

    def oldest_given_s(self) -> float:
        """The age of the oldest answer given from last known good within the last minute, in seconds; 0: none was."""
        since_s = self._clock.utc_now_s() - LATELY_S
        while self._old and self._old[0][0] < since_s:
            self._old.popleft()
        return max((age_s for _, age_s in self._old), default=0.0)

    def forget(self, privy_id: str | None) -> None:
        """Remember none of a person any more."""
        kept = [one for one in self._reports if one[1].privy_user_id != privy_id]
        self._reports.clear()
        self._reports.extend(kept)

    def of(self, user_id: int, privy_id: str | None) -> tuple[Recent, ...]:
        """The person's, newest first."""
        theirs = [
            Recent(at_s, one.outcome, one.source, one.duration_s, one.request_id)
            for at_s, one in reversed(self._reports)
            if one.user_id == user_id or (privy_id is not None and one.privy_user_id == privy_id)
        ]
        return tuple(theirs[:SHOWN_RECENT])


class Dossiers:
    """Looks one person up in every place; works while the database is away, with what is remembered."""

    def __init__(  # noqa: PLR0913 - the places to look
        self,
        people: People,
        records: Records,
        process: ProcessCache,
        shared: Shared | None,
        policy: Callable[[], CachePolicy],
        recent: RecentSignIns,
        logged: Logged,
        clock: Clock,
    ) -> None:
        """Keep the places."""
        self._people = people
        self._records = records
        self._process = process
        self._shared = shared
        self._policy_now = policy
        self._recent = recent
        self._logged = logged
        self._clock = clock

    async def of(self, who: str) -> Dossier | None:
        """Whoever is called ``who`` (Privy id, user id or username); None is said by the database alone."""
        try:
            account = await self._asked(who)
        except NotKnown as error:
            remembered = await self._remembered(who)
            if remembered is None:
                raise
            tiers = await self._tiers(remembered)
            source, age_s = next_source(tiers, database_answers=False)
            recent = await self._sign_ins_of(remembered)
            return Dossier(remembered, str(error), source, age_s, tiers, recent=recent)
        if account is None:
            return None
        tiers = await self._tiers(account)
        source, age_s = next_source(tiers, database_answers=True)
        if not account.is_active:
            source, age_s = "nowhere: the account is disabled", None
        keys = await self._people.keys_of(account.user_id)
        more = await self._records.more_of(account.user_id)
        recent = await self._sign_ins_of(account)
        return Dossier(account, None, source, age_s, tiers, keys, more, recent)

    async def _asked(self, who: str) -> Account | None:
        if is_privy_id(who):
            shown = await self._people.by_privy_id(who)
        elif who.isascii() and who.isdigit() and len(who) < _HIGHEST_ID_LENGTH:
            shown = await self._people.by_user_id(int(who)) or await self._people.by_username(who)
        else:
            shown = await self._people.by_username(who)
            if shown is not None:  # it may have been remembered: who is shown here is asked for
                shown = await self._people.by_user_id(shown.account.user_id)
        return None if shown is None else shown.account

    async def _sign_ins_of(self, account: Account) -> tuple[Recent, ...]:
        """By the log, which all processes write; what this one remembers besides comes first."""
        own = self._recent.of(account.user_id, account.privy_user_id)
        known = {one.request_id for one in own}
        try:
            logged = await self._logged(account.user_id, SHOWN_RECENT)
        except (NotKnown, OSError):
            logged = ()
        both = [*own, *(one for one in logged if one.request_id not in known)]
        return tuple(sorted(both, key=lambda one: -one.at_s)[:SHOWN_RECENT])

    async def _remembered(self, who: str) -> Account | None:
        if self._shared is None:
            return None
        person = await (self._shared.get(who) if is_privy_id(who) else self._shared.get_by_username(who))
        return None if person is None else person.account

    async def _tiers(self, account: Account) -> tuple[Tier, ...]:
        privy_id = account.privy_user_id
        if privy_id is None or self._policy_now().ttl_s <= 0:
            return ()
        now_s, monotonic_s = self._clock.utc_now_s(), self._clock.monotonic_s()
        tiers = []
        for entry in self._process.of(privy_id):
            age_s = max(0.0, now_s - entry.as_of_s)
            worth = "fresh" if entry.fresh_until_s > monotonic_s else self._worth(age_s)
            tiers.append(Tier("this process", age_s, "last known good" if entry.fresh_until_s == 0 else worth))
        if self._shared is not None:
            fresh = await self._shared.get(privy_id)
            good = await self._shared.get_last_known_good(privy_id)
            if fresh is not None and (age_s := fresh.age_s(now_s)) < self._policy_now().ttl_s:
                tiers.append(Tier("Redis", age_s, self._worth(age_s)))
            if good is not None:
                tiers.append(Tier("Redis", good.age_s(now_s), "last known good"))
        return tuple(tiers)

    def _worth(self, age_s: float) -> str:
        policy = self._policy_now()
        verdict = freshness(age_s, policy.ttl_s, policy.last_known_good_max_age_s, revoked=False)
        words = {Freshness.FRESH: "fresh", Freshness.STALE: "fresh", Freshness.LAST_KNOWN_GOOD: "last known good"}
        return words.get(verdict, "too old")


def next_source(tiers: tuple[Tier, ...], *, database_answers: bool) -> tuple[str, float | None]:
    """Where the person's next answer would come from, and how old it would be, in seconds."""
    for tier in tiers:
        if tier.worth == "fresh":
            return "cache", tier.age_s
    if database_answers:
        return "database", None
    for tier in tiers:
        if tier.worth == "last known good":
            return "last known good", tier.age_s
    return "nowhere: asked to come back", None


def exported(dossier: Dossier, audit: list[dict[str, Any]], *, is_complete: bool) -> dict[str, Any]:
    """Everything that is kept of a person, as one JSON document's worth of plain values."""
    account, more = dossier.account, dossier.more
    facts: dict[str, Any] = {name: getattr(account, name) for name in type(account).__dataclass_fields__}
    return {
        "account": facts,
        "last_sign_in_at": None if more is None else more.last_sign_in_at,
        "keys": [{name: getattr(key, name) for name in type(key).__dataclass_fields__} for key in dossier.keys],
        "referrals": [] if more is None else list(more.referrals),
        "referral_codes": [] if more is None else list(more.codes),
        "credit_entries": [] if more is None else list(more.ledger),
        "remembered": [{"where": tier.name, "age_s": round(tier.age_s), "as": tier.worth} for tier in dossier.tiers],
        "done_by_operators": audit,
        "is_complete": is_complete,
    }
