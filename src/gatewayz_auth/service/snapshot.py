"""How it is at one moment, over all workers: plain figures, read by the console, ``watch``, ``status`` and health."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from gatewayz_auth.service.pool_diagnosis import BANDS, band_of


class Answering(enum.StrEnum):
    """How a neighbour does."""

    ANSWERS = "answers"
    SLOW = "slow"
    SILENT = "silent"
    REFUSING = "refusing"
    HANGING = "hanging"
    """It answers, but not what people wait for."""
    RETURNING = "returning"
    """It answers again, and a few at a time are let through to it."""
    RECOVERING = "recovering"
    UNSTEADY = "unsteady"
    """It answers and stops answering, again and again."""
    STALE = "stale"
    """What it publishes is known, and could not be asked for again."""
    ABSENT = "absent"
    """There is none, on purpose."""

    @property
    def is_away(self) -> bool:
        """Whether whoever needs it is not answered by it now."""
        return self in {Answering.SILENT, Answering.REFUSING, Answering.HANGING}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One neighbour (``postgres``, ``redis``, ``privy``): how it does, since when (UTC seconds; None: always so far).

    ``latency_s`` is what a call takes now, ``usual_s`` what it usually takes, None where nothing was asked.
    """

    name: str
    state: Answering = Answering.ANSWERS
    since_s: float | None = None
    breaker: str = "closed"
    latency_s: float | None = None
    usual_s: float | None = None
    p99_s: float | None = None
    timeouts: int = 0
    note: str = ""
    given_up: int = 0
    """How often its breaker left ``closed`` in the last minute."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Sign-ins answered within some time, by where the answer came from; ``limited`` were asked to come back."""

    cache: int = 0
    database: int = 0
    last_known_good: int = 0
    refused: int = 0
    unknown: int = 0
    limited: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.cache + self.database + self.last_known_good + self.refused + self.unknown + self.limited


@dataclass(frozen=True, slots=True)
class Waits:
    """How long ``count`` callers waited within ``over_s`` seconds; ``in_time`` of them within the budget."""

    over_s: float
    count: int = 0
    in_time: int = 0
    p50_s: float = 0.0
    p95_s: float = 0.0
    p99_s: float = 0.0
    longest_s: float = 0.0
    come_back: int = 0
    """How many of them were asked to come back."""


@dataclass(frozen=True, slots=True)
class PoolNow:
    """The database's pools of all workers added up; ``abandoned`` calls nobody waits for any more.

    ``active`` leaves the ``broken`` ones out. The fullest of ``processes`` has ``worst_active`` of its ``worst_limit``
    in use, broken ones among them.
    """

    active: int = 0
    idle: int = 0
    limit: int = 0
    waiting: int = 0
    abandoned: int = 0
    broken: int = 0
    processes: int = 1
    worst_active: int = 0
    worst_limit: int = 0

    @property
    def taken(self) -> int:
        """Connections that nobody else can have now."""
        return self.active + self.broken

    @property
    def utilisation(self) -> float:
        """The part that is taken, 0 to 1."""
        return self.taken / self.limit if self.limit else 0.0

    @property
    def worst(self) -> float:
        """The part that is taken where it is most, 0 to 1: of one process, or of all."""
        return max(self.utilisation, self.worst_active / self.worst_limit if self.worst_limit else 0.0)

    @property
    def band(self) -> str:
        """The founding document's band: HEALTHY, NORMAL, WARNING, CRITICAL or UNKNOWN; that of the worst process."""
        bands = (band_of(self.taken, self.limit), band_of(self.worst_active, self.worst_limit))
        return max(bands, key=BANDS.index)

    @property
    def words(self) -> str:
        """The figures as people read them."""
        said = [f"{self.taken} of {self.limit} in use"]
        if self.is_one_worse:
            said.append(f"in one process {self.worst_active} of {self.worst_limit}")
        return " · ".join((*said, f"{self.abandoned} abandoned", f"{self.waiting} waiting"))

    @property
    def is_one_worse(self) -> bool:
        """Whether one process stands in a worse band than all together."""
        return self.processes > 1 and self.band != band_of(self.taken, self.limit)

    @property
    def diagnostics(self) -> str:
        """The line of the contract, section 6; of the sums alone."""
        return (
            f"Connection pool diagnostics: active={self.active}, idle={self.idle}, max={self.limit}, "
            f"utilization={self.utilisation * 100:.0f}%, health={band_of(self.taken, self.limit)}"
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """Calls of one name that run now: how many, the longest for ``for_s`` seconds, of ``limit_s`` (None: not known)."""

    name: str
    count: int
    for_s: float | None = None
    limit_s: float | None = None
    is_abandoned: bool = False


@dataclass(frozen=True, slots=True)
class Jobs:
    """Referrals and mail as they were read last; ``oldest_s`` is how long the oldest waits, None: none does.

    ``not_known_for_s`` says since when the database has not told; None: this is how it stands. Where ``is_known_ever``
    is false it never has. An oldest that waits for ``behind_after_s`` is late.
    """

    oldest_s: float | None = None
    pending: int = 0
    failed: int = 0
    workers: int | None = None
    behind_after_s: float = 120.0
    mail_oldest_s: float | None = None
    mail_waiting: int = 0
    mail_failed: int = 0
    mail_behind_after_s: float = 900.0
    not_known_for_s: float | None = None
    is_known_ever: bool = True

    @property
    def state(self) -> str:
        """``in_step``, ``behind``, ``failed`` (some, for good) or ``not_known``."""
        if self.not_known_for_s is not None:
            return "not_known"
        if (self.oldest_s or 0.0) >= self.behind_after_s or (self.mail_oldest_s or 0.0) >= self.mail_behind_after_s:
            return "behind"
        return "failed" if self.failed or self.mail_failed else "in_step"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: when (UTC seconds), of which kind (``breaker``, ``deploy``, ``setting`` …), in words."""

    at_s: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """One sign-in that was not answered for our own reasons: nothing personal, found again by ``request_id``."""

    at_s: float
    status: int
    code: str
    took_s: float
    request_id: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it at ``at_s`` (UTC seconds). ``budget_s`` is AUTH_QUERY_TIMEOUT, ``patience_s`` LOOKUP_PATIENCE."""

    at_s: float
    version: str = ""
    region: str = "default"
    environment: str = "production"
    workers: int = 1
    started_s: float = 0.0
    budget_s: float = 8.0
    patience_s: float = 0.15
    keys_known: int = 1
    """Privy's keys that tokens can be proven with now."""
    keeps_s: float = 86400.0
    """LAST_KNOWN_GOOD_MAX_AGE."""
    caching: bool = True
    remembered: int = 0
    postgres: Neighbour = field(default_factory=lambda: Neighbour("postgres"))
    redis: Neighbour = field(default_factory=lambda: Neighbour("redis"))
    privy: Neighbour = field(default_factory=lambda: Neighbour("privy"))
    minute: Answers = field(default_factory=Answers)
    minute_slowest_s: float = 0.0
    overloaded: int = 0
    """Sign-ins of about the last minute that were turned away because there was no room."""
    waits: Waits = field(default_factory=lambda: Waits(900.0))
    hit_rate: float | None = None
    last_sign_in_s: float | None = None
    oldest_given_s: float | None = None
    """How old the oldest answer was that was given from last known good within the minute."""
    outage_longest_s: float | None = None
    """The longest wait since the database went away."""
    outage_s: float | None = None
    """While recovering: how long the database was away."""
    outage_come_back: int = 0
    """While recovering: how many sign-ins were answered 503 meanwhile."""
    fresh_again: float | None = None
    """While recovering: the part of answers that are fresh, 0 to 1."""
    pool: PoolNow = field(default_factory=PoolNow)
    operations: tuple[Operation, ...] = ()
    timeouts: int = 0
    """Calls that were given up within the last 5 s."""
    jobs: Jobs = field(default_factory=Jobs)
    events: tuple[Event, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    unanswered: int = 0
    """Sign-ins of the last 15 minutes that were not answered for our own reasons …"""
    concerned: int = 0
    """… and how many people they were of, as far as that is known: of those who had proven who they are."""
    steered: tuple[str, ...] = ()
    """What operators have in force, a sentence each: a rollback, a rollout."""
