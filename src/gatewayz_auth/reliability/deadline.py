"""A deadline: absolute, made once, passed down; a hop may only tighten it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """The instant ``at_s`` on the monotonic clock by which an answer must have left."""

    at_s: float

    @classmethod
    def after(cls, now_s: float, budget_s: float) -> Deadline:
        """The deadline ``budget_s`` seconds from ``now_s``."""
        return cls(now_s + budget_s)

    def left_s(self, now_s: float) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self.at_s - now_s)

    def limit_s(self, now_s: float, own_limit_s: float) -> float:
        """The smaller of a hop's own limit and what is left, in seconds."""
        return min(own_limit_s, self.left_s(now_s))

    def tightened(self, now_s: float, own_limit_s: float) -> Deadline:
        """The same deadline or the one ``own_limit_s`` from now, whichever is sooner."""
        return Deadline(min(self.at_s, now_s + own_limit_s))
