"""How many of one kind are let through a second: a storm is cut short, and how much was cut is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

A_SECOND = 100
"""Of one kind; more say nothing new."""

MAX_KINDS = 200
"""Kinds told apart; what comes on top is one kind together."""

OTHER = "other"


class StormGate:
    """Lets ``a_second`` of each kind through; ``settle``, once a second, tells what was held back and begins anew.

    Callable from any thread: two that come at the same moment may count as one, which harms nothing.
    """

    __slots__ = ("_a_second", "_on_held_back", "_seen")

    def __init__(self, a_second: int = A_SECOND, on_held_back: Callable[[int], None] = lambda _count: None) -> None:
        """Have seen nothing; ``on_held_back`` hears the number at each ``settle`` that has one."""
        self._a_second = a_second
        self._on_held_back = on_held_back
        self._seen: dict[str, int] = {}

    def admit(self, kind: str) -> bool:
        """Whether one more of ``kind`` is let through now."""
        seen = self._seen
        if kind not in seen and len(seen) >= MAX_KINDS:
            kind = OTHER
        seen[kind] = count = seen.get(kind, 0) + 1
        return count <= self._a_second

    def settle(self) -> dict[str, int]:
        """How many of each kind were held back since the last time; to be called once a second."""
        seen, self._seen = self._seen, {}
        held = {kind: count - self._a_second for kind, count in seen.items() if count > self._a_second}
        if held:
            self._on_held_back(sum(held.values()))
        return held
