"""Marks of a picture as path data: thousands of them in few bytes, each place drawn once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ARM = 3


def _pair(x: int, y: int) -> str:
    """Two numbers, without the blank that a minus makes needless."""
    return f"{x}{y}" if y < 0 else f"{x} {y}"


def dots(places: Iterable[tuple[int, int]], *, is_cross: bool = False) -> str:
    """A dot (to be stroked with a round or square cap) or a cross at each place."""
    mark = f"h0m-{_ARM}-{_ARM}l{2 * _ARM} {2 * _ARM}m-{2 * _ARM} 0l{2 * _ARM}-{2 * _ARM}" if is_cross else "h0"
    ends = (_ARM, -_ARM) if is_cross else (0, 0)
    parts, at = [], (0, 0)
    for place in sorted(set(places)):
        parts.append(f"m{_pair(place[0] - at[0], place[1] - at[1])}{mark}")
        at = (place[0] + ends[0], place[1] + ends[1])
    return "".join(parts)


def rising_lines(lines: Iterable[tuple[int, int, int]]) -> str:
    """A line at each x from y up to another y."""
    return "".join(f"M{x} {low}V{high}" for x, low, high in sorted(set(lines)))
