"""Everybody who may call, in front of one fault: who they are, what they may be told, and how soon."""

import itertools
import time
from typing import NamedTuple

from tests.support.faults import Reply
from tests.support.serving import CLOCK

BUSY_S = 0.3
"""What a busy machine adds to a wait."""

FRESH_FOR_S = 1.4
"""So long an answer is fresh at least where AUTH_CACHE_TTL is 2: up to a tenth less, and refreshed a fifth ahead."""

COUNTS = {"fresh": 2, "stale": 3, "stranger": 3, "before Privy": 1, "bad token": 1}


class Bound(NamedTuple):
    """What one kind of caller may be told, and within how many seconds (a busy machine's share comes on top)."""

    status: int | tuple[int, ...]
    source: str | tuple[str | None, ...] | None
    within_s: float

    @property
    def statuses(self):
        return {self.status} if isinstance(self.status, int) else set(self.status)

    @property
    def sources(self):
        return set(self.source) if isinstance(self.source, tuple) else {self.source}


FRESH = Bound(200, "cache", 0.0)
BAD_TOKEN = Bound(401, None, 0.0)


class Callers:
    """Bodies of each kind: ``fresh`` are remembered and fresh, ``stale`` are remembered, the others are not."""

    def __init__(self, bodies: dict[str, list[bytes]], met_s: float):
        self.bodies = bodies
        self._met_s = met_s
        self._are_fresh = True

    def bound(self, kind, expected):
        """What ``kind`` may have been told: who was asked for too late to be fresh, what the stale are as well."""
        if kind != "fresh" or self._are_fresh:
            return expected[kind]
        of = (expected["fresh"], expected["stale"])
        statuses, sources = (tuple(set.union(*sets)) for sets in ([b.statuses for b in of], [b.sources for b in of]))
        return Bound(statuses, sources, max(bound.within_s for bound in of))

    def ask(self, service):
        """All at once; the replies by kind."""
        kinds = list(self.bodies)
        before_s = CLOCK.monotonic_s() - self._met_s
        replies = service.ask([body for kind in kinds for body in self.bodies[kind]])
        ends = [0, *itertools.accumulate(len(self.bodies[kind]) for kind in kinds)]
        told = {kind: replies[start:end] for kind, (start, end) in zip(kinds, itertools.pairwise(ends), strict=True)}
        self._are_fresh = before_s + max(reply.took_s for reply in told["fresh"]) < FRESH_FOR_S
        return told


def met(service, remembered):
    """Callers of all kinds, the ``remembered`` ones (stale, before Privy) made long enough ago to be stale."""
    fresh, met_s = service.people("fresh", COUNTS["fresh"]), CLOCK.monotonic_s()
    service.sign_in(fresh)
    strangers, forgers = service.people("stranger", COUNTS["stranger"]), service.forgers(COUNTS["bad token"])
    return Callers({"fresh": fresh, **remembered, "stranger": strangers, "bad token": forgers}, met_s)


def remembered_for(service, names, *, settled_before=None, settled_after=None):
    """For each of ``names``, people who were signed in longer ago than an answer is fresh, and some from before Privy.

    ``settled_before`` and ``settled_after`` are called before they sign in, and when their answers are stale.
    """
    people = {
        name: {
            "stale": service.people("stale", COUNTS["stale"]),
            "before Privy": service.before_privy(COUNTS["before Privy"]),
        }
        for name in names
    }
    if settled_before is not None:
        settled_before()
    service.sign_in([body for kinds in people.values() for body in kinds["stale"]])
    time.sleep(2.1)  # time itself is the condition: AUTH_CACHE_TTL is 2
    if settled_after is not None:
        settled_after()
    return people


def check(replies: list[Reply], bound: Bound, busy_s: float = BUSY_S) -> float:
    """Hold ``replies`` against ``bound``; the slowest of them, in seconds."""
    seen = [reply.seen for reply in replies]
    assert {reply.status for reply in replies} <= bound.statuses, seen
    assert {reply.source for reply in replies} <= bound.sources, seen
    slowest_s = max(reply.took_s for reply in replies)
    assert max(reply.promised_s for reply in replies) <= bound.within_s + busy_s, seen
    for reply in replies:
        if reply.status == 503:
            assert int(reply.headers["retry-after"]) >= 1
            assert reply.headers["content-type"] == "application/problem+json"
        if reply.source == "last-known-good":
            assert int(reply.headers["age"]) >= 1  # past the time to live of any of these services
    return slowest_s
