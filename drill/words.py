"""The sentences over the panels, with the figures of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drill.calls import Source
from drill.figures import by_source, figures, longest_silence_s, of_kind
from drill.plan import DEADLINE_S
from gatewayz_auth.service.load_plan import Kind

if TYPE_CHECKING:
    from drill.run import Drill


def span(seconds: float) -> str:
    """A time as one reads it: ``1.4 ms``, ``153 ms``, ``1.1 s``, ``23 s``."""
    if seconds < 0.01:  # noqa: PLR2004 - where another digit says something
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:  # noqa: PLR2004 - what rounds to a second is one
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004


def sentence_of_before(drill: Drill) -> tuple[str, str]:
    """What befell the callers of before, and a line below it."""
    found = figures(drill.before.calls)
    late = found.callers - found.in_time
    gave_up = by_source(drill.before.calls)[Source.NOTHING]
    slowest = f"{gave_up:,} went away without one" if gave_up else f"The slowest came after {span(found.worst_s)}"
    first = (
        f"Before: {late:,} of {found.callers:,} callers had no answer within {DEADLINE_S:g} s."
        if late
        else f"Before: the slowest of {found.callers:,} answers came after {span(found.worst_s)}."
    )
    silent_s = longest_silence_s(drill.before.pings)
    tail = f"; for {span(silent_s)} /ping was not answered" if silent_s else ""
    return first, f"{slowest}{tail}."


def now_sentence(drill: Drill) -> tuple[str, str]:
    """What befell ours, and a line below it."""
    found = figures(drill.now.calls)
    returning, sources = of_kind(drill.now.calls, Kind.RETURNING), by_source(drill.now.calls)
    all_of = "all" if found.in_time == found.callers else f"{found.in_time:,} of"
    first = (
        f"Now: {all_of} {found.callers:,} answered within {DEADLINE_S:g} s, the slowest after {span(found.worst_s)}."
    )
    back = "every one" if returning.signed_in_time == returning.callers else f"{returning.signed_in_time:,}"
    later = sources[Source.LATER]
    tail = f"; {later:,} {'newcomer was' if later == 1 else 'newcomers were'} asked to come back" if later else ""
    return first, f"Returning people: {back} of {returning.callers:,} signed in{tail}."
