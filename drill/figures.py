"""What a drill found, as figures: pure, of the records alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drill.calls import Source
from drill.plan import DEADLINE_S
from gatewayz_auth.service.load_plan import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drill.calls import Call, Ping, Seen


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some callers: how many, how many answered and signed in within the deadline, and how long they waited.

    Whoever gave up counts in the times with what they waited until then.
    """

    callers: int
    in_time: int
    signed_in_time: int
    p50_s: float
    p99_s: float
    worst_s: float

    @property
    def share_in_time(self) -> float:
        """From 0 to 1; 1 where nobody came."""
        return self.in_time / self.callers if self.callers else 1.0


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all do not exceed (nearest rank); nan of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def figures(calls: Iterable[Call]) -> Figures:
    """The figures of ``calls``."""
    some = tuple(calls)
    waits = [call.waited_s for call in some]
    in_time = [call for call in some if call.is_answered_within(DEADLINE_S)]
    return Figures(
        len(some),
        len(in_time),
        sum(call.is_signed_in for call in in_time),
        percentile(waits, 0.5),
        percentile(waits, 0.99),
        max(waits, default=math.nan),
    )


def of_kind(calls: Iterable[Call], kind: Kind) -> Figures:
    """The figures of one kind of caller."""
    return figures(call for call in calls if call.kind is kind)


def wrong(calls: Iterable[Call]) -> int:
    """How many answers were wrong."""
    return sum(call.is_wrong for call in calls)


def by_source(calls: Iterable[Call]) -> dict[Source, int]:
    """How many answers came from where."""
    counts = dict.fromkeys(Source, 0)
    for call in calls:
        counts[call.source] += 1
    return counts


def longest_silence_s(pings: Sequence[Ping], limit_s: float = 1.0) -> float:
    """For how long no look at the process was answered within ``limit_s``, at the longest; 0 where all were."""
    longest_s, since_s = 0.0, None
    for ping in pings:
        if ping.waited_s is not None and ping.waited_s <= limit_s:
            since_s = None
            continue
        since_s = ping.at_s if since_s is None else since_s
        longest_s = max(longest_s, ping.at_s - since_s)
    return longest_s


def well_again_s(seen: Seen, thaw_s: float, usual_s: float) -> float:
    """How long after the thaw the last caller came who waited longer than ``usual_s`` (0: nobody did)."""
    late = [call.at_s - thaw_s for call in seen.calls if call.at_s >= thaw_s and call.waited_s > usual_s]
    return max(late, default=0.0)


def is_fair(before: Seen, frozen_from_s: float, usual_s: float = 1.0) -> bool:
    """Whether before was well until the freeze (p99 of ``usual_s`` or less); else the machine was too busy."""
    early = [call.waited_s for call in before.calls if call.at_s < frozen_from_s * 0.9]
    return not early or percentile(early, 0.99) <= usual_s


def broken_promises(seen: Seen) -> list[str]:
    """What the service promises and did not keep in this run; empty where all is well."""
    broken = []
    late = [call for call in seen.calls if not call.is_answered_within(DEADLINE_S)]
    if late:
        broken.append(f"{len(late)} callers had no answer within {DEADLINE_S:g} s")
    refused = [call for call in seen.calls if call.kind is Kind.RETURNING and not call.is_signed_in]
    if refused:
        broken.append(f"{len(refused)} returning people were not signed in")
    if wrong(seen.calls):
        broken.append(f"{wrong(seen.calls)} answers were wrong")
    unasked = [call for call in seen.calls if call.source is Source.NOTHING]
    if unasked:
        broken.append(f"{len(unasked)} callers had no answer that they can use")
    return broken
