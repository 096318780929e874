"""How it is, check by check, read from what the process knows anyway: a probe asks no neighbour."""

from __future__ import annotations

import datetime as dt
import enum
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.pool_diagnosis import Cause, diagnose_all
from gatewayz_auth.service.situation import span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.overview import PoolSeen
    from gatewayz_auth.service.situation import Situation

LOOKS_BACK_S = 5.0
SILENT_AFTER_S = 3.0
"""The table of changes is read twice a second; not read for so long, the database does not answer."""

HEARD_WITHIN_S = 1.0
"""So lately read, it answers, if not sign-ins."""

MAX_TIMEOUTS = 1000

UNATTENDED = frozenset(
    {
        *("probe", "renewal", "question", "ping", "start", "sizes", "forget everything"),
        *("changes_since", "changes_mark", "trim_changes", "runtime", "change_pace", "jobs_state", "mail_state"),
    }
)
"""Operations that nobody waits for: that one of them was given up is told by the check of its neighbour alone."""


class Status(enum.StrEnum):
    """The words of the contract, section 2."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its status, a sentence, and the figures behind it."""

    status: Status
    detail: str
    figures: Mapping[str, Any]

    def as_dict(self, since_s: float) -> dict[str, Any]:
        """The check as JSON shows it, with ``since_s`` (UTC seconds) when its status became what it is."""
        since = dt.datetime.fromtimestamp(since_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"status": self.status.value, "since": since, "detail": self.detail, **self.figures}


class Timeouts:
    """When calls that somebody waited for were given up at their limit lately; bounded."""

    def __init__(self, clock: Clock) -> None:
        """Remember none."""
        self._clock = clock
        self._at_s: deque[float] = deque(maxlen=MAX_TIMEOUTS)

    def count(self) -> None:
        """Hear of one."""
        self._at_s.append(self._clock.monotonic_s())

    def lately(self) -> int:
        """How many there were within ``LOOKS_BACK_S``."""
        since_s = self._clock.monotonic_s() - LOOKS_BACK_S
        return sum(at_s >= since_s for at_s in self._at_s)


def _none_elsewhere() -> int:
    return 0


def _jobs_not_watched() -> Check:
    return Check(Status.HEALTHY, "Referrals are kept with the sign-up and wait for their worker.", {})


@dataclass(frozen=True, slots=True)
class Vitals:
    """Where the checks read: each callable answers at once."""

    breaker: Callable[[], str]
    silent_for_s: Callable[[], float]
    redis_breaker: Callable[[], str | None]
    pool: Callable[[], PoolSeen]
    remembered: Callable[[], int]
    ttl_s: Callable[[], float]
    timeouts: Timeouts
    timeouts_of_all: Callable[[], int] = _none_elsewhere
    """Those of all processes within ``LOOKS_BACK_S``, this one's last seconds perhaps not yet among them."""

    remembered_of_all: Callable[[], int] = _none_elsewhere
    """Answers that all processes remember: what is said is said of the service, and not of whoever is asked."""

    shared_knows: Callable[[], bool] = lambda: False
    """Whether Redis has last known good for anybody: a process that starts in an outage remembers nobody itself."""

    has_answered: Callable[[], bool] = lambda: True
    """Whether the database ever did."""

    now_s: Callable[[], float] = lambda: 0.0
    """UTC seconds."""

    jobs: Callable[[], Check] = _jobs_not_watched
    pools: Callable[[], Sequence[PoolSeen]] = tuple
    """Those of all processes, at most some two seconds old; for this one's ``pool`` is taken, as it is now."""


class Health:
    """Tells how it is; never waits, so that a thousand probes a second cost the neighbours nothing."""

    def __init__(self, vitals: Vitals) -> None:
        """Read from ``vitals``."""
        self._vitals = vitals
        self._since: dict[str, tuple[Status, float]] = {}

    def look(self) -> None:
        """See whether a status has changed; called once a second, so that since when it holds is known to all."""
        self._checks()

    def report(self) -> dict[str, Any]:
        """``status`` and ``checks`` of the contract, section 2."""
        checks = self._checks()
        statuses = {check.status for check in checks.values()}
        worst = next((s for s in (Status.UNHEALTHY, Status.DEGRADED) if s in statuses), Status.HEALTHY)
        return {
            "status": worst.value,
            "checks": {name: check.as_dict(self._since[name][1]) for name, check in checks.items()},
        }

    def can_serve_anybody(self) -> bool:
        """False only where the database is silent, and neither this process nor Redis remembers anybody."""
        return self._database(self._vitals.remembered()).status is not Status.UNHEALTHY

    def _checks(self) -> dict[str, Check]:
        checks = {
            "database": self._database(max(self._vitals.remembered(), self._vitals.remembered_of_all())),
            "redis": self._redis(),
            "auth_cache": self._cache(),
            "timeouts": self._timeouts(),
            "pool": self._pool(),
            "jobs": self._vitals.jobs(),
        }
        now_s = self._vitals.now_s()
        for name, check in checks.items():
            if name not in self._since or self._since[name][0] is not check.status:
                self._since[name] = check.status, now_s
        return checks

    def _database(self, remembered: int) -> Check:
        vitals = self._vitals
        phase, silent_s = vitals.breaker(), vitals.silent_for_s()
        figures = {"breaker": phase, "silent_for_s": round(silent_s, 1)}
        is_heard = silent_s < HEARD_WITHIN_S
        if phase == "closed" and silent_s < SILENT_AFTER_S:
            detail = "The database answers." if vitals.has_answered() else "The database is asked for the first time."
            return Check(Status.HEALTHY, detail, figures)
        can_serve = vitals.ttl_s() > 0 and (remembered > 0 or vitals.shared_knows())
        status = Status.DEGRADED if can_serve else Status.UNHEALTHY
        if phase == "half_open" and is_heard:
            return Check(status, "The database answers again; a few at a time are let through to it.", figures)
        who = "returning people are signed in from last known good" if can_serve else "nobody can be signed in"
        silence = "answers, but no sign-ins" if is_heard else f"has not answered for {span(silent_s)}"
        return Check(status, f"The database {silence}; {who}.", figures)

    def _redis(self) -> Check:
        phase = self._vitals.redis_breaker()
        if phase is None:
            return Check(Status.HEALTHY, "There is no Redis: each process remembers for itself.", {})
        if phase == "closed":
            return Check(Status.HEALTHY, "Redis answers.", {"breaker": phase})
        detail = "Redis is away: sign-ins go on, each process remembers for itself."
        return Check(Status.DEGRADED, detail, {"breaker": phase})

    def _cache(self) -> Check:
        vitals = self._vitals
        figures = {"entries": vitals.remembered(), "ttl_s": vitals.ttl_s()}
        detail = "Answers are remembered." if vitals.ttl_s() > 0 else "Nothing is remembered: AUTH_CACHE_TTL is 0."
        return Check(Status.HEALTHY, detail, figures)

    def _timeouts(self) -> Check:
        count = max(self._vitals.timeouts.lately(), self._vitals.timeouts_of_all())
        figures = {"last_5_s": count}
        if count:
            calls = "1 call was" if count == 1 else f"{count} calls were"
            return Check(Status.DEGRADED, f"{calls} given up in the last 5 s.", figures)
        return Check(Status.HEALTHY, "No call was given up in the last 5 s.", figures)

    def _pool(self) -> Check:
        here = self._vitals.pool()
        pools = [here, *(one for one in self._vitals.pools() if one.pid != here.pid)]
        found = diagnose_all(pools)
        figures = {
            "active": sum(one.active for one in pools),
            "idle": sum(one.idle for one in pools),
            "max": sum(one.max_size for one in pools),
            "processes": len(pools),
            "worst_pid": found.pid,
            **found.figures(),
        }
        is_bad = found.band == "CRITICAL" or found.cause is Cause.NOT_CONNECTED
        return Check(Status.DEGRADED if is_bad else Status.HEALTHY, found.sentence, figures)


def told(report: dict[str, Any], situation: Situation) -> dict[str, Any]:
    """``report`` with its ``sentence``, and the ``status`` that fits both: the worse of the checks' and the sentence's.

    Checks see at once what the sentence, over all processes, sees within two seconds; the sentence sees what no check
    is made for, such as the key server. Where the checks alone are bad the first of them is the sentence.
    """
    order = [status.value for status in Status]
    status, sentence = report["status"], situation.sentence
    if situation.level.value == Status.HEALTHY.value != status:
        sentence = next(check["detail"] for check in report["checks"].values() if check["status"] == status)
    worse = max(status, situation.level.value, key=order.index)
    return report | {"status": worse, "sentence": sentence}
