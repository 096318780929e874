"""The last 24 hours in bounded memory: by second for 15 min, by 10 s for an hour, by 2 min for the rest."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.histogram import BUCKETS, quantile_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatewayz_auth.service.overview import Event

TIERS: tuple[tuple[int, int], ...] = ((1, 900), (10, 360), (120, 720))
"""Seconds of one frame, and how many of them are kept; each tier's frames are merged from the tier before."""

MAX_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Frame:
    """What happened within the ``span_s`` seconds before ``at_s`` (UTC, whole seconds), in all processes together.

    Counts are of the span, states are the worst within it. ``answered`` goes by the words of ``overview.ANSWERED``;
    ``durations`` counts answered sign-ins by bucket index (``histogram.BOUNDS_S``), empty buckets left out;
    ``breakers`` says for each neighbour 0 closed, 1 half-open, 2 open; ``pools`` for each neighbour ``active``,
    ``idle``, ``broken``, ``waiting`` and ``max``.
    """

    at_s: int
    span_s: int = 1
    answered: Mapping[str, int] = field(default_factory=dict)
    durations: Mapping[int, int] = field(default_factory=dict)
    slowest_s: float = 0.0
    breakers: Mapping[str, int] = field(default_factory=dict)
    pools: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    timeouts: int = 0
    abandoned: int = 0
    exhausted: int = 0
    evictions: int = 0
    jobs: Mapping[str, int] = field(default_factory=dict)
    oldest_job_s: float = 0.0
    processes: int = 1

    @property
    def sign_ins(self) -> int:
        """All answered sign-ins of the span."""
        return sum(self.answered.values())

    @property
    def hit_rate(self) -> float | None:
        """The share of good answers and unknown ones that came from the cache, 0 to 1; None where there were none."""
        cached = self.answered.get("cache", 0)
        asked = cached + sum(self.answered.get(word, 0) for word in ("database", "last-known-good", "unknown"))
        return cached / asked if asked else None

    def quantile_s(self, share: float) -> float | None:
        """The time that ``share`` of the sign-ins did not exceed, in seconds; None where there were none."""
        return quantile_s([self.durations.get(index, 0) for index in range(BUCKETS)], share)

    def as_dict(self) -> dict[str, Any]:
        """The frame as JSON shows it; what is empty or 0 is left out."""
        return {name: value for name, value in asdict(self).items() if value or name == "at_s"}

    @classmethod
    def from_dict(cls, shown: Mapping[str, Any]) -> Frame:
        """The frame that ``as_dict`` showed, also after JSON has made texts of its bucket indexes."""
        durations = {int(index): count for index, count in shown.get("durations", {}).items()}
        known = {name: value for name, value in shown.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "durations": durations})


def merged(frames: Sequence[Frame], *, at_s: int | None = None, span_s: int | None = None) -> Frame:
    """One frame of several: counts added, states at their worst; ends with the last unless told otherwise."""
    return Frame(
        at_s=frames[-1].at_s if at_s is None else at_s,
        span_s=sum(frame.span_s for frame in frames) if span_s is None else span_s,
        answered=_added(frame.answered for frame in frames),
        durations=_added(frame.durations for frame in frames),
        slowest_s=max(frame.slowest_s for frame in frames),
        breakers=_worst(frame.breakers for frame in frames),
        pools=_fullest([frame.pools for frame in frames]),
        timeouts=sum(frame.timeouts for frame in frames),
        abandoned=max(frame.abandoned for frame in frames),
        exhausted=sum(frame.exhausted for frame in frames),
        evictions=sum(frame.evictions for frame in frames),
        jobs=_added(frame.jobs for frame in frames),
        oldest_job_s=max(frame.oldest_job_s for frame in frames),
        processes=max(frame.processes for frame in frames),
    )


def _added(counts: Iterable[Mapping[Any, int]]) -> dict[Any, int]:
    whole: dict[Any, int] = {}
    for count in counts:
        for key, value in count.items():
            whole[key] = whole.get(key, 0) + value
    return whole


def _worst(states: Iterable[Mapping[str, int]]) -> dict[str, int]:
    whole: dict[str, int] = {}
    for state in states:
        for key, value in state.items():
            whole[key] = max(value, whole.get(key, 0))
    return whole


def _fullest(pools: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, Mapping[str, int]]:
    """Each pool as it was when most of it was in use or waited for."""
    whole: dict[str, Mapping[str, int]] = {}
    for at_once in pools:
        for neighbour, pool in at_once.items():
            if neighbour not in whole or _load(pool) >= _load(whole[neighbour]):
                whole[neighbour] = pool
    return whole


def _load(pool: Mapping[str, int]) -> int:
    return pool.get("active", 0) + pool.get("broken", 0) + pool.get("waiting", 0)


class History:
    """Frames of the last 24 hours and the last events; at most some 2,000 frames and 500 events are kept.

    Callable from any thread: no call does more than copy what is in memory.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._tiers = [deque[Frame](maxlen=most) for _, most in TIERS]
        self._under_way: list[list[Frame]] = [[] for _ in TIERS]
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._lock = threading.Lock()

    def add(self, frame: Frame, tier: int = 0) -> None:
        """Take the next frame of a tier; one that is not later than the last is left out (a clock set back)."""
        with self._lock:
            self._add(frame, tier)

    def _add(self, frame: Frame, tier: int) -> None:
        kept = self._tiers[tier]
        if kept and frame.at_s <= kept[-1].at_s:
            return
        kept.append(frame)
        if tier + 1 == len(TIERS):
            return
        span_s = TIERS[tier + 1][0]
        waiting = self._under_way[tier + 1]
        slot = (frame.at_s - 1) // span_s
        if waiting and (waiting[-1].at_s - 1) // span_s != slot:
            self._complete(tier + 1)
        waiting.append(frame)
        if frame.at_s % span_s == 0:
            self._complete(tier + 1)

    def _complete(self, tier: int) -> None:
        span_s = TIERS[tier][0]
        parts, self._under_way[tier] = self._under_way[tier], []
        self._add(merged(parts, at_s=-(-parts[-1].at_s // span_s) * span_s, span_s=span_s), tier)

    def happened(self, event: Event) -> None:
        """Remember ``event``."""
        with self._lock:
            self._events.append(event)

    def frames(self, window_s: int, until_s: float) -> list[Frame]:
        """The frames of the ``window_s`` seconds before ``until_s``, oldest first, in the finest tier that holds them.

        What the coarser tiers have not completed yet is their last, shorter frame.
        """
        tier = next((number for number, (span, most) in enumerate(TIERS) if window_s <= span * most), len(TIERS) - 1)
        with self._lock:
            frames = [frame for frame in self._tiers[tier] if frame.at_s > until_s - window_s]
            begun = [frame for parts in reversed(self._under_way[1 : tier + 1]) for frame in parts]
        return [*frames, merged(begun)] if begun else frames

    def events(self, since_s: float) -> list[Event]:
        """What happened after ``since_s`` (UTC seconds), oldest first."""
        with self._lock:
            return [event for event in self._events if event.at_s > since_s]

    def kept(self) -> list[tuple[int, Frame]]:
        """Every frame with its tier, in the order in which ``restore`` takes them."""
        with self._lock:
            return [(tier, frame) for tier in range(len(TIERS) - 1, -1, -1) for frame in self._tiers[tier]]

    def restore(self, tier: int, frame: Frame) -> None:
        """Put back a frame that was kept; finer ones do not count again what a coarser one holds already."""
        with self._lock:
            coarser = self._tiers[tier + 1] if tier + 1 < len(TIERS) else None
            if not coarser or frame.at_s > coarser[-1].at_s:
                self._add(frame, tier)
                return
            kept = self._tiers[tier]
            if not kept or frame.at_s > kept[-1].at_s:
                kept.append(frame)
