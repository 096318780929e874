"""How the whole service is, now and lately, as plain values: what health, console and terminal read.

``Sight`` is where they read it: merged over all processes of the service, at most some two seconds old, without a wait.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatewayz_auth.service.histogram import Histogram
    from gatewayz_auth.service.history import Frame

ANSWERED = ("cache", "database", "last-known-good", "refused", "unknown", "limited", "invalid")
"""How a frame tells sign-ins apart: good answers by their source, the others by their outcome."""


class Event(NamedTuple):
    """Something that happened once at ``at_s`` (UTC seconds).

    ``kind`` is ``start``, ``end``, ``breaker``, ``pool``, ``task``, ``loop``, ``settings`` or ``deploy``.
    """

    at_s: float
    kind: str
    text: str


class Problem(NamedTuple):
    """One sign-in that was not answered for our own reasons: ``code`` is an error code, ``status`` of HTTP."""

    at_s: float
    request_id: str
    code: str
    status: int
    duration_s: float


class Running(NamedTuple):
    """One call to a neighbour that runs now, for ``for_s`` seconds; nobody waits for one that ``is_abandoned``."""

    neighbour: str
    operation: str
    for_s: float
    is_abandoned: bool


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """The database's pool of the process ``pid``, and the calls of ``running`` that hold its connections.

    ``active`` leaves the ``broken`` ones out; ``waiting`` are all who wait for one, in whatever queue.
    """

    pid: int
    max_size: int
    active: int = 0
    idle: int = 0
    broken: int = 0
    waiting: int = 0
    running: Sequence[Running] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """All figures of all processes, those that died included, as of ``at_s`` (UTC seconds).

    ``numbers`` and ``histograms`` go by the contract's metric names (section 9, without the prefix) and by the values
    of their labels in the order of the contract. ``slowest_s`` is the slowest sign-in answered within the last second.
    """

    at_s: float
    processes: int
    numbers: Mapping[str, Mapping[tuple[str, ...], float]]
    histograms: Mapping[str, Mapping[tuple[str, ...], Histogram]]
    slowest_s: float = 0.0
    running: Sequence[Running] = field(default=())
    problems: Sequence[Problem] = field(default=())
    concerned: int = 0
    """About how many people the problems of the last quarter of an hour are of, as far as they had proven who."""

    events: Sequence[Event] = field(default=())
    pools: Sequence[PoolSeen] = field(default=())
    """One a process that lives: sums hide that one of them is drained."""

    def number(self, name: str, *labels: str) -> float:
        """The sum of ``name`` over every series whose labels begin with ``labels``; 0 where there is none."""
        series = self.numbers.get(name, {})
        return sum(value for key, value in series.items() if key[: len(labels)] == labels)


class Sight(Protocol):
    """What there is to see; every call answers at once from memory."""

    def totals(self) -> Totals:
        """The figures of all processes as they were within the last two seconds; its ``at_s`` says when."""
        ...

    def frames(self, window_s: int) -> Sequence[Frame]:
        """The last ``window_s`` seconds, oldest first: by second up to 15 min, by 10 s up to 1 h, else by 2 min.

        The last frame ends at most some two seconds ago; seconds that nobody saw are missing, not zero.
        """
        ...

    def events(self, window_s: int) -> Sequence[Event]:
        """What happened within the last ``window_s`` seconds, oldest first; 500 at most."""
        ...

    def problems(self) -> Sequence[Problem]:
        """The last sign-ins that were not answered for our own reasons, newest first; 50 at most."""
        ...
