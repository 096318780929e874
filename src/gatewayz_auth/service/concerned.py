"""How many different people were lately not answered for our own reasons: counted without keeping who they were.

Each person is one of ``SLOTS`` bits; from how many bits are set follows how many people set them (linear counting: to
one in a hundred up to some hundred people, to three in a hundred up to 10,000). Bits of several processes are laid over
each other, and nobody is counted twice.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SLOTS = 4096
STEP_S = 150
STEPS = 6
"""Whole steps that are looked back on besides the one that runs: fifteen minutes in all, and up to one step more."""

Bits = dict[str, str]
"""By step, as JSON shows it: the bits in hexadecimal digits."""


class Concerned:
    """The bits of one process, of the last steps alone."""

    def __init__(self) -> None:
        """Have seen nobody."""
        self._steps: dict[int, int] = {}

    def add(self, person: str, at_s: float) -> None:
        """Count ``person`` at ``at_s`` (UTC seconds)."""
        digest = hashlib.blake2b(person.encode("utf-8", "replace"), digest_size=8, person=b"concerned").digest()
        step = int(at_s) // STEP_S
        self._steps[step] = self._steps.get(step, 0) | 1 << int.from_bytes(digest, "big") % SLOTS
        for old in [one for one in self._steps if one < step - STEPS]:
            del self._steps[old]

    def as_json(self) -> Bits:
        """To be laid over those of other processes."""
        return {str(step): f"{bits:x}" for step, bits in self._steps.items()}


def laid_over(parts: Iterable[Mapping[str, str]], now_s: float) -> Bits:
    """The bits of all ``parts`` together, of the last steps before ``now_s`` (UTC seconds)."""
    oldest, whole = int(now_s) // STEP_S - STEPS, dict[int, int]()
    for part in parts:
        for step, bits in part.items():
            if int(step) >= oldest:
                whole[int(step)] = whole.get(int(step), 0) | int(bits, 16)
    return {str(step): f"{bits:x}" for step, bits in whole.items()}


def people_in(bits: Mapping[str, str]) -> int:
    """How many people set ``bits``, in whatever step; so many and more where hardly a bit is left."""
    together = 0
    for one in bits.values():
        together |= int(one, 16)
    free = max(1, SLOTS - together.bit_count())
    return round(-SLOTS * math.log(free / SLOTS))
