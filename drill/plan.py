"""What a drill does: how long, who comes when, and when the database freezes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from gatewayz_auth.service.load_plan import Arrival, Kind

DEADLINE_S = 8.0
"""Within this the service promises an answer (AUTH_QUERY_TIMEOUT)."""

GIVES_UP_S = 30.0
"""After this a caller goes away: the founding document's client did."""


SHARES = {Kind.RETURNING: 0.80, Kind.NEW: 0.15, Kind.FORGED: 0.05}


@dataclass(frozen=True, slots=True)
class Plan:
    """A drill of ``seconds`` (6 or more) at ``rate`` callers a second, frozen in its middle third."""

    seconds: float = 60.0
    rate: float = 30.0
    query_s: float = 0.005
    """How far away the database is: what each query waits besides its own time."""
    workers: int = 2
    seed: int = 7

    def __post_init__(self) -> None:
        """Refuse what would show nothing: ``ValueError``."""
        if not 6 <= self.seconds <= 600 or not 1 <= self.rate <= 500:  # noqa: PLR2004 - said in the message
            raise ValueError("a drill takes 6 to 600 seconds at 1 to 500 callers a second")

    @property
    def frozen_from_s(self) -> float:
        """When the database stops to answer."""
        return self.seconds / 3

    @property
    def frozen_until_s(self) -> float:
        """When it answers again."""
        return self.seconds * 2 / 3

    @property
    def fresh_for_s(self) -> float:
        """AUTH_CACHE_TTL: short, so that within one drill people come back before it and after it."""
        return round(self.seconds / 6, 1)

    @property
    def returning_people(self) -> int:
        """How many are known before: so many that about half of them come back after ``fresh_for_s``."""
        return max(8, round(self.rate * SHARES[Kind.RETURNING] * self.fresh_for_s * 1.25))

    def arrivals(self) -> list[Arrival]:
        """Who comes when, the same for every run: nobody waits for anybody (an open model, Poisson)."""
        dice = random.Random(self.seed)  # noqa: S311 - a load that can be repeated, no secret
        found: list[Arrival] = []
        at_s = dice.expovariate(self.rate)
        while at_s < self.seconds:
            kind = dice.choices(list(SHARES), list(SHARES.values()))[0]
            person = dice.randrange(self.returning_people) if kind is Kind.RETURNING else len(found)
            found.append(Arrival(at_s, kind, person))
            at_s += dice.expovariate(self.rate)
        return found
