"""The one sentence: how things are, for whom, since when, and what to do. A pure function of a snapshot.

The console, ``watch``, ``status`` and the health route say the same words, because they all come from here.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayz_auth.service.snapshot import Answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.service.snapshot import Snapshot

QUIET_AFTER_S = 60.0
"""So long without a sign-in is worth saying."""

POOL_NEAR_ITS_END = 0.8
OVERLOAD_SHARE = 0.02
"""The part of a minute's callers that are asked to come back by which it is too many people."""

GIVEN_UP = 5
"""So many calls given up within 5 s are worth a sentence; a single one is somebody's second try."""

COME_BACK_S = 3
"""The middle of what ``Retry-After`` says."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Level(enum.StrEnum):
    """How bad: ``status``'s exit codes are 0, 1, 2 in this order."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text below the sentence; ``is_main`` is what to read first."""

    text: str
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """The sentence, the text below it, and where it says what to do.

    ``runbook`` names a page of docs/runbook (None: nothing to do); ``more`` are the sentences of what else is wrong.
    """

    level: Level
    kind: str
    sentence: str
    below: tuple[Part, ...]
    runbook: str | None = None
    since_s: float | None = None
    more: tuple[str, ...] = ()

    @property
    def below_text(self) -> str:
        """The text below, plain."""
        text = "".join(part.text for part in self.below)
        return f"{text} And {len(self.more)} more." if self.more else text

    def as_dict(self) -> dict[str, object]:
        """As JSON shows it."""
        return {
            "status": self.level.value,
            "kind": self.kind,
            "sentence": self.sentence,
            "below": [{"text": part.text, "main": part.is_main} for part in self.below],
            "text": self.below_text,
            "runbook": self.runbook,
            "since": self.since_s,
            "more": list(self.more),
        }


def span(seconds: float) -> str:
    """A length of time as people say it: ``41 ms``, ``2.0 s``, ``42 s``, ``4 min``, ``3 h``, ``9 d``."""
    seconds = max(0.0, seconds)
    if seconds < 0.9995:  # noqa: PLR2004 - what rounds to less than a second
        ms = seconds * 1e3
        return f"{ms:.1f} ms" if 0 < ms < 0.95 else f"{ms:.0f} ms"  # noqa: PLR2004 - what rounds to less than 1 ms
    if seconds < 9.95:  # noqa: PLR2004 - one digit behind the point while it says something
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    for unit_s, unit, up_to in ((_MINUTE, "min", 2 * _HOUR), (_HOUR, "h", 2 * _DAY)):
        if seconds < up_to:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds / _DAY:.0f} d"


def situation(now: Snapshot) -> Situation:
    """Whatever is worst for people first; what else is wrong stands in ``more``."""
    found = [one for check in _CHECKS if (one := check(now)) is not None]
    if not found:
        return _well(now)
    order = list(Level)
    worst = max(found, key=lambda one: order.index(one.level))  # the first of equals: _CHECKS begins with the worst
    more = tuple(one.sentence for one in found if one is not worst and one.kind != "recovering")  # that is no trouble
    return Situation(worst.level, worst.kind, worst.sentence, worst.below, worst.runbook, worst.since_s, more)


def _well(now: Snapshot) -> Situation:
    last = now.last_sign_in_s
    quiet_s = now.at_s - (now.started_s if last is None else last)
    if not now.minute.total and (last is None or quiet_s >= QUIET_AFTER_S):
        for_how_long = span(quiet_s)
        sentence = "Nobody has signed in yet." if last is None else f"Nobody has signed in for {for_how_long}."
        return Situation(Level.HEALTHY, "quiet", sentence, (Part("Everything answers. Try one: "),), None, last)
    count = f"{now.minute.total:,} sign-in{'' if now.minute.total == 1 else 's'}"
    below = f"{count} in the last minute, the slowest took {span(now.minute_slowest_s)}."
    do, runbook = " Nothing to do.", None
    if now.jobs.state == "failed":
        what = "Referrals" if now.jobs.failed else "Mails"
        do = f" {what} that failed for good wait for a person: {now.jobs.failed or now.jobs.mail_failed}."
        runbook = "jobs-failed" if now.jobs.failed else "mail-down"
    return Situation(Level.HEALTHY, "well", "Everybody is answered in time.", (Part(below + do),), runbook)


def _since(now: Snapshot, since_s: float | None) -> float:
    return 0.0 if since_s is None else max(0.0, now.at_s - since_s)


def clock(at_s: float | None) -> str:
    """The time of day of ``at_s`` (UTC seconds; None: so far always)."""
    if at_s is None:
        return "the start"
    second = int(at_s) % _DAY
    return f"{second // _HOUR:02}:{second // _MINUTE % 60:02}:{second % 60:02} UTC"


def _for_people(now: Snapshot) -> tuple[tuple[Part, ...], Level]:
    """What an absent database means, for those who were here before and for those who were not."""
    longest_s = now.outage_longest_s if now.outage_longest_s is not None else now.minute_slowest_s
    waited = f" Nobody waited longer than {span(longest_s)}." if longest_s else ""
    come_back = f" in about {COME_BACK_S} s."
    if not now.caching or not now.remembered:
        why = "nobody is remembered" if now.caching else "the cache is off"
        return (
            Part("Nobody can be signed in", is_main=True),
            Part(f": {why}. Everybody is asked to come back{come_back}{waited}"),
        ), Level.UNHEALTHY
    age = "" if now.oldest_given_s is None else f", at most {span(now.oldest_given_s)} old"
    may_be = "" if now.oldest_given_s is None else f" An answer may be up to {span(now.keeps_s)} old."
    return (
        Part("Returning people are signed in", is_main=True),
        Part(f" from last known good{age}. "),
        Part("Newcomers are asked to come back", is_main=True),
        Part(f"{come_back}{waited}{may_be}"),
    ), Level.DEGRADED


def _database(now: Snapshot) -> Situation | None:
    one = now.postgres
    if one.state.is_away:
        below, level = _for_people(now)
        for_how_long = span(_since(now, one.since_s))
        if one.state is Answering.SILENT:
            sentence = f"The database has not answered for {for_how_long}."
            return Situation(level, "database_silent", sentence, below, "database-away", one.since_s)
        if one.state is Answering.HANGING:
            sentence = f"The database answers, but no sign-ins for {for_how_long}."
            return Situation(level, "database_hanging", sentence, below, "query-timeout", one.since_s)
        sentence = f"The database refuses connections since {clock(one.since_s)}."
        return Situation(level, "database_refusing", sentence, below, "database-away", one.since_s)
    if one.state is Answering.UNSTEADY:
        below = (
            Part("Returning people are signed in", is_main=True),
            Part(" by it or from last known good. "),
            Part("Some newcomers are asked to come back", is_main=True),
            Part(f" in about {COME_BACK_S} s."),
        )
        sentence = f"The database comes and goes: it was given up {one.given_up} times in the last minute."
        return Situation(Level.DEGRADED, "database_unsteady", sentence, below, "database-away", one.since_s)
    if one.state is Answering.SLOW:
        latency_s = one.latency_s or 0.0
        times = f", {latency_s / one.usual_s:.0f} times its usual" if one.usual_s else ""
        below = (
            Part("Returning people are signed in", is_main=True),
            Part(f" from what is remembered after {span(now.patience_s)}. "),
            Part("Newcomers wait for it", is_main=True),
            Part(f", {span(now.budget_s)} at most."),
        )
        return Situation(
            Level.DEGRADED,
            "database_slow",
            f"The database answers in {span(latency_s)}{times}.",
            below,
            "database-away",
            one.since_s,
        )
    return None


def _recovering(now: Snapshot) -> Situation | None:
    one = now.postgres
    if one.state is Answering.RETURNING:
        few = (
            Part("A few at a time are let through to it", is_main=True),
            Part("; the others are answered as while it was away."),
        )
        return Situation(Level.DEGRADED, "returning", "The database answers again.", few, "database-away", one.since_s)
    if one.state is not Answering.RECOVERING:
        return None
    fresh = "Answers are being refreshed." if now.fresh_again is None else _fresh_again(now.fresh_again)
    sentence = f"The database is back since {span(_since(now, one.since_s))}."
    if now.outage_s is not None:
        fresh += (
            f" It was away for {span(now.outage_s)}; {now.outage_come_back:,} times somebody was asked to come back."
        )
    return Situation(Level.HEALTHY, "recovering", sentence, (Part(fresh),), None, one.since_s)


def _fresh_again(share: float) -> str:
    return f"{share * 100:.0f} % of answers are fresh again."


def _overload(now: Snapshot) -> Situation | None:
    refused = now.overloaded
    if now.postgres.state.is_away or not refused or refused < OVERLOAD_SHARE * now.minute.total:
        return None
    below = (Part("Those let in are answered", is_main=True), Part(f" in {span(now.waits.p99_s)}."))
    sentence = f"More people come than can be answered: {_a_second(refused)} a second refused."
    return Situation(Level.DEGRADED, "overload", sentence, below, "overloaded")


def _limited(now: Snapshot) -> Situation | None:
    """Callers over the rate limits: their doing, and no fault of ours."""
    refused = now.minute.limited
    if not refused or refused < OVERLOAD_SHARE * now.minute.total:
        return None
    below = (Part("Everybody else is signed in as ever", is_main=True), Part("; whoever slows down is heard again."))
    sentence = f"Some callers ask too often: {_a_second(refused)} a second refused by the rate limits."
    return Situation(Level.HEALTHY, "limited", sentence, below, "rate-limited")


def _a_second(in_a_minute: int) -> str:
    rate = in_a_minute / _MINUTE
    return f"{rate:.0f}" if rate >= 1 else f"{rate:.1f}"


def _pool(now: Snapshot) -> Situation | None:
    pool = now.pool
    if now.postgres.state.is_away or pool.worst < POOL_NEAR_ITS_END:
        return None
    timed = [one for one in now.operations if one.for_s is not None]
    slowest = max(timed, key=lambda one: one.for_s or 0.0, default=None)
    if slowest is not None:
        below = Part(f"The slowest is «{slowest.name}», for {span(slowest.for_s or 0.0)}.")
    else:
        below = Part(f"{pool.waiting} callers wait for one.")
    if pool.is_one_worse:
        sentence = (
            f"One of {pool.processes} processes has {pool.worst_active} of {pool.worst_limit} connections in use."
        )
    else:
        sentence = f"{pool.taken} of {pool.limit} connections are in use."
    level = Level.DEGRADED if pool.band == "CRITICAL" else Level.HEALTHY
    return Situation(level, "pool", sentence, (below,), "pool-near-its-end")


def _redis(now: Snapshot) -> Situation | None:
    one = now.redis
    if one.state in {Answering.ANSWERS, Answering.ABSENT, Answering.RECOVERING, Answering.RETURNING}:
        return None
    below = (
        Part("Sign-ins go on", is_main=True),
        Part("; each process remembers for itself. A restart now would make the database work harder."),
    )
    sentence = f"Redis is away since {clock(one.since_s)}."
    return Situation(Level.DEGRADED, "redis_away", sentence, below, "redis-away", one.since_s)


def _keys(now: Snapshot) -> Situation | None:
    one = now.privy
    if one.state in {Answering.ANSWERS, Answering.ABSENT, Answering.RECOVERING}:
        return None
    if not now.keys_known:
        nobody = (
            Part("Nobody can be signed in", is_main=True),
            Part(": no key is known that a token could be proven by."),
        )
        sentence = f"Privy's keys could not be fetched since {clock(one.since_s)}."
        return Situation(Level.UNHEALTHY, "keys_unknown", sentence, nobody, "key-server-away", one.since_s)
    below = (
        Part("Known keys sign people in", is_main=True),
        Part("; if Privy changes them now, new tokens are refused."),
    )
    sentence = f"Privy's keys could not be refreshed since {clock(one.since_s)}."
    return Situation(Level.DEGRADED, "keys_away", sentence, below, "key-server-away", one.since_s)


def _timeouts(now: Snapshot) -> Situation | None:
    if now.timeouts < GIVEN_UP or now.postgres.state is not Answering.ANSWERS:
        return None
    below = (Part("Whoever waited was answered at the limit", is_main=True), Part(" and not held up."))
    return Situation(
        Level.DEGRADED, "timeouts", f"{now.timeouts} calls were given up in the last 5 s.", below, "query-timeout", None
    )


def _jobs(now: Snapshot) -> Situation | None:
    jobs = now.jobs
    if jobs.state != "behind":  # least of all while it is not known
        return None
    what, runbook, oldest_s = "unsent mail", "mail-down", jobs.mail_oldest_s or 0.0
    if (jobs.oldest_s or 0.0) >= jobs.behind_after_s:
        what, runbook, oldest_s = "referral", "jobs-behind", jobs.oldest_s or 0.0
    seen = ""
    if jobs.workers is not None:
        heard_of = f"{jobs.workers} worker{'' if jobs.workers == 1 else 's'} heard of lately."
        seen = f" {heard_of}" if jobs.workers else " No worker is heard of: start one."
    below = (Part("Sign-ins are not affected.", is_main=True), Part(seen))
    since_s = now.at_s - oldest_s
    sentence = f"The oldest {what} waits since {clock(since_s)}."
    return Situation(Level.DEGRADED, "jobs_behind", sentence, below, runbook, since_s)


_CHECKS: tuple[Callable[[Snapshot], Situation | None], ...] = (
    _database,
    _overload,
    _pool,
    _timeouts,
    _redis,
    _keys,
    _jobs,
    _limited,
    _recovering,
)
"""Worst for people first."""
