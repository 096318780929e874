"""What callers of a load saw, counted as they leave: by window, by kind, by what became of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.fine_histogram import added, quantile_s, slot_of
from gatewayz_auth.service.load_plan import Kind
from gatewayz_auth.service.noise import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.service.load_plan import Plan

OK, UNAUTHORISED, FORBIDDEN, LIMITED, LATER = 200, 401, 403, 429, 503


class Outcome(enum.StrEnum):
    """What became of one caller."""

    CACHE = "cache"
    DATABASE = "database"
    LAST_KNOWN_GOOD = "last-known-good"
    REFUSED = "refused"
    """A forged token that was not let in: as it should be."""
    LIMITED = "limited"
    """429: too many of this person, or too many guesses from this address."""
    LATER = "later"
    """503: come back."""
    WRONG = "wrong"
    """Somebody forged let in, somebody honest refused, another's account, or an answer that no caller can use."""
    NOTHING = "nothing"
    """No answer before the caller gave up, or a connection that broke."""


SIGNED_IN = frozenset({Outcome.CACHE, Outcome.DATABASE, Outcome.LAST_KNOWN_GOOD})


def outcome_of(kind: Kind, status: int, source: str, *, is_theirs: bool) -> Outcome:
    """What an answer means to a caller of ``kind``; ``source`` is ``X-Auth-Source``."""
    if status == LIMITED:
        return Outcome.LIMITED
    if status == LATER:
        return Outcome.LATER
    if kind is Kind.FORGED:
        return Outcome.REFUSED if status in {UNAUTHORISED, FORBIDDEN} else Outcome.WRONG
    known = {one.value: one for one in SIGNED_IN}
    return known.get(source, Outcome.WRONG) if status == OK and is_theirs else Outcome.WRONG


@dataclass(slots=True)
class _Part:
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    waits: dict[int, int] = field(default_factory=dict)
    failed: int = 0

    def add(self, outcome: Outcome, slot: int, *, is_failure: bool) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.waits[slot] = self.waits.get(slot, 0) + 1
        self.failed += is_failure

    def as_json(self) -> dict[str, Any]:
        return {
            "asked": sum(self.outcomes.values()),
            "failed": self.failed,
            "outcomes": {str(name): count for name, count in sorted(self.outcomes.items())},
            "counts": sorted(self.waits.items()),
        }


class Seen:
    """Counts of one load; what is kept does not grow with the number of callers."""

    def __init__(self, plan: Plan) -> None:
        """Have seen nobody yet."""
        self._plan = plan
        self._windows: dict[int, _Part] = {}
        self._kinds: dict[Kind, _Part] = {kind: _Part() for kind in Kind}
        self._late: dict[int, int] = {}
        self.came = 0
        self.unsent = 0
        self.latest_s = 0.0
        self.slowest_s = 0.0
        self.overdue = 0
        self.ended_s = 0.0

    def began(self, late_s: float) -> None:
        """A caller came, ``late_s`` seconds after the moment that was planned: our own lateness, not the service's."""
        self.came += 1
        self.latest_s = max(self.latest_s, late_s)
        slot = slot_of(max(0.0, late_s))
        self._late[slot] = self._late.get(slot, 0) + 1

    def left_out(self) -> None:
        """A caller could not come, because as many as may wait here waited already."""
        self.unsent += 1

    def ended(self, at_s: float, kind: Kind, outcome: Outcome, waited_s: float, budget_s: float) -> None:
        """A caller who was due at ``at_s`` left after ``waited_s``; beyond ``budget_s`` it is counted as overdue."""
        self.slowest_s = max(self.slowest_s, waited_s)
        self.overdue += outcome is Outcome.NOTHING or waited_s > budget_s
        self.ended_s = max(self.ended_s, at_s + waited_s)
        is_refused_rightly = kind is Kind.FORGED and outcome in {Outcome.REFUSED, Outcome.LIMITED}
        is_failure = outcome not in SIGNED_IN and not is_refused_rightly
        slot = slot_of(waited_s)
        window = self._windows.setdefault(int(at_s / self._plan.window_s), _Part())
        window.add(outcome, slot, is_failure=is_failure)
        self._kinds[kind].add(outcome, slot, is_failure=is_failure)

    @property
    def answered(self) -> int:
        """How many have left, answered or not."""
        return sum(count for part in self._kinds.values() for count in part.outcomes.values())

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How many of each."""
        return {name: sum(part.outcomes.get(name, 0) for part in self._kinds.values()) for name in Outcome}

    @property
    def failed(self) -> int:
        """Honest people who were not signed in, and forged ones who were, or were told nothing."""
        return sum(part.failed for part in self._kinds.values())

    def wait_s(self, share: float) -> float | None:
        """The wait in seconds that ``share`` of all did not exceed; None where nobody has left."""
        return quantile_s(self.waits(), share)

    def waits(self) -> dict[int, int]:
        """All waits by slot."""
        return added(part.waits for part in self._kinds.values())

    def late_s(self, share: float) -> float:
        """Our own lateness in seconds that ``share`` of all did not exceed; 0 where nobody came."""
        return quantile_s(self._late, share) or 0.0

    def windows_as_json(self) -> list[dict[str, Any]]:
        """Every window that somebody came in, by its number."""
        return [
            {"at_s": round(number * self._plan.window_s, 3), **part.as_json()}
            for number, part in sorted(self._windows.items())
        ]

    def kinds_as_json(self) -> dict[str, Any]:
        """Each kind's figures; waits in milliseconds."""
        return {
            str(kind): {
                "asked": sum(part.outcomes.values()),
                "failed": part.failed,
                "outcomes": {str(name): count for name, count in sorted(part.outcomes.items())},
                **waits_ms(part.waits),
            }
            for kind, part in self._kinds.items()
            if part.outcomes
        }


def waits_ms(counts: Mapping[int, int]) -> dict[str, float | None]:
    """P50, P95, P99 and P99.9 in milliseconds; None where there were none."""
    shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
    found = {name: quantile_s(counts, share) for name, share in shares.items()}
    return {name: None if value is None else round(value * 1e3, 3) for name, value in found.items()}


def window_of(shown: Mapping[str, Any]) -> Window:
    """A window as a report keeps it, for comparing."""
    counts = {int(slot): int(count) for slot, count in shown["counts"]}
    return Window(int(shown["asked"]), int(shown["failed"]), counts)
