"""A load as it is planned: who comes when, whether or not those before them were answered."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Kind(enum.StrEnum):
    """Who calls."""

    RETURNING = "returning"
    NEW = "new"
    FORGED = "forged"


MIX: Mapping[Kind, float] = {Kind.RETURNING: 80.0, Kind.NEW: 15.0, Kind.FORGED: 5.0}
MOST_PEOPLE = 50_000
MOST_RATE = 5_000.0
MOST_SECONDS = 3_600.0
MOST_ARRIVALS = 500_000
MOST_NEWCOMERS = 50_000
MOST_LIMIT_S = 120.0
MOST_WINDOWS = 60
MOST_SEED = 2**32


class Arrival(NamedTuple):
    """One caller to come: when (s after the start), of which kind, and which person of that kind."""

    at_s: float
    kind: Kind
    person: int


@dataclass(frozen=True, slots=True)
class Plan:
    """``rate`` callers a second for ``seconds``, mixed by shares of any sum; each gives up after ``limit_s``."""

    people: int = 1000
    rate: float = 50.0
    seconds: float = 30.0
    mix: Mapping[Kind, float] = field(default_factory=lambda: dict(MIX))
    limit_s: float = 30.0
    seed: int = 7

    def faults(self) -> list[str]:
        """Each thing that is out of its bounds, in one sentence; empty where the plan can be carried out."""
        bounds = (
            ("--people", self.people, 1, MOST_PEOPLE, ""),
            ("--rate", self.rate, 0.1, MOST_RATE, " callers a second"),
            ("--for", self.seconds, 1, MOST_SECONDS, " s"),
            ("--limit", self.limit_s, 0.1, MOST_LIMIT_S, " s"),
            ("--seed", self.seed, 0, MOST_SEED, ""),
        )
        found = [
            f"{name} is {value:g}; expected {low:g} to {high:g}{unit}"
            for name, value, low, high, unit in bounds
            if not low <= value <= high
        ]
        if found:
            return found
        total = self.rate * self.seconds
        if total > MOST_ARRIVALS:
            found.append(f"--rate {self.rate:g} for {self.seconds:g} s is {total:.0f} callers; {MOST_ARRIVALS} at most")
        newcomers = total * self.share(Kind.NEW)
        if newcomers > MOST_NEWCOMERS:
            found.append(f"{newcomers:.0f} newcomers would be made; {MOST_NEWCOMERS} at most: give --mix fewer new")
        return found

    def share(self, kind: Kind) -> float:
        """The part of all callers that is of this kind, 0 to 1."""
        return self.mix.get(kind, 0.0) / sum(self.mix.values())

    @property
    def window_s(self) -> float:
        """The length of a window that figures are kept for: a second, more where there would be too many."""
        return max(1.0, self.seconds / MOST_WINDOWS)

    def as_json(self) -> dict[str, Any]:
        """As a report keeps it."""
        return {
            "people": self.people,
            "rate": self.rate,
            "seconds": self.seconds,
            "mix": {str(kind): value for kind, value in self.mix.items()},
            "limit_s": self.limit_s,
            "seed": self.seed,
        }


def read_mix(text: str) -> dict[Kind, float]:
    """``returning=80,new=15,forged=5``; what is not named is 0. ``ValueError`` says what is wrong with it."""
    mix = dict.fromkeys(Kind, 0.0)
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        try:
            kind, weight = Kind(name.strip()), float(value)
        except ValueError:
            raise ValueError(f"{part.strip()!r} is no share") from None
        if not 0 <= weight < math.inf:
            raise ValueError(f"{part.strip()!r} is no share")
        mix[kind] = weight
    if not 0 < sum(mix.values()) < math.inf:
        raise ValueError("nobody would come")
    return mix


def arrivals(plan: Plan, dice: Callable[[], float]) -> list[Arrival]:
    """Who comes when, the same for the same dice: nobody waits for anybody (an open model, Poisson).

    ``dice`` answers 0 up to but without 1. Newcomers are counted through; the others are drawn from ``plan.people``.
    """
    shares = [(kind, plan.share(kind)) for kind in Kind if plan.share(kind)]
    found: list[Arrival] = []
    newcomers, at_s = 0, _gap_s(plan.rate, dice)
    while at_s < plan.seconds and len(found) < MOST_ARRIVALS:
        kind = _drawn(shares, dice())
        person = newcomers if kind is Kind.NEW else int(dice() * plan.people)
        newcomers += kind is Kind.NEW
        found.append(Arrival(at_s, kind, person))
        at_s += _gap_s(plan.rate, dice)
    return found


def _gap_s(rate: float, dice: Callable[[], float]) -> float:
    return -math.log(1.0 - dice()) / rate


def _drawn(shares: list[tuple[Kind, float]], fraction: float) -> Kind:
    for kind, share in shares:
        fraction -= share
        if fraction < 0:
            return kind
    return shares[-1][0]
