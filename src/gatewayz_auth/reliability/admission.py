"""Who may queue: those whose expected wait still leaves time for an answer. Pure decisions."""

from __future__ import annotations

from dataclasses import dataclass

_LEARNING_SHARE = 0.1
"""The share of a new service time in the estimate: about the last ten calls decide."""

_MAX_LESSON_S = 10.0
"""One call that was walked away from and ended an hour later is not to be remembered for an hour."""

SAFETY = 0.8
"""The share of a caller's time that the estimate may fill: it is an estimate, and the answer has a way to go."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a slot is held lately, ``service_s`` seconds, from the last ten calls or so."""

    service_s: float

    def after(self, service_s: float) -> Pace:
        """The pace once a call has held its slot for ``service_s`` seconds."""
        return Pace(self.service_s + _LEARNING_SHARE * (min(service_s, _MAX_LESSON_S) - self.service_s))

    def at_least(self, standing_s: float) -> Pace:
        """The pace, or the slower one that shows where no slot was taken or given back for ``standing_s`` seconds."""
        return Pace(max(self.service_s, standing_s))

    def expected_s(self, ahead: int, slots: int) -> float:
        """Seconds until somebody with ``ahead`` others before them in the queue for ``slots`` is answered."""
        return self.service_s * (ahead + 1) / slots + self.service_s

    def fits(self, ahead: int, slots: int, limit_s: float) -> bool:
        """Whether queueing behind ``ahead`` others leads to an answer within ``limit_s`` seconds."""
        return self.expected_s(ahead, slots) <= SAFETY * limit_s


def fair_position(own_waiting: int, keys_waiting: int, all_waiting: int) -> int:
    """How many are served before a newcomer whose key has ``own_waiting`` waiting, where keys take turns.

    ``keys_waiting`` keys wait, the own one among them if it does. Nobody waits behind more than all there are.
    """
    others = keys_waiting - 1 if own_waiting else keys_waiting
    return min(all_waiting, own_waiting + (own_waiting + 1) * others)
