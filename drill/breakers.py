"""How the workers' breakers stood, from the changes that their log told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drill.processes import BreakerChange

_WORST_FIRST = ("open", "half_open", "closed")


class Stretch(NamedTuple):
    """From when until when (s) something stood in one ``state``."""

    from_s: float
    until_s: float
    state: str


def worst_of(
    neighbour: str, changes: Sequence[BreakerChange], workers: int, start_utc_s: float, seconds: float
) -> tuple[Stretch, ...]:
    """The worst state of any worker's breaker of ``neighbour`` over the whole drill.

    Log lines do not name their worker, so it is counted how many stand in which state.
    """
    standing = {"closed": workers}
    found = [Stretch(0.0, seconds, "closed")]
    for change in sorted(change for change in changes if change.neighbour == neighbour):
        standing[change.before] = standing.get(change.before, 0) - 1
        standing[change.after] = standing.get(change.after, 0) + 1
        worst = next(state for state in _WORST_FIRST if standing.get(state, 0) > 0)
        at_s = min(max(change.utc_s - start_utc_s, 0.0), seconds)
        if worst != found[-1].state:
            found[-1] = found[-1]._replace(until_s=at_s)
            found.append(Stretch(at_s, seconds, worst))
    return tuple(stretch for stretch in found if stretch.until_s > stretch.from_s)
