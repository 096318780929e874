"""Why a pool is drained, from its figures alone: what the health check ``pool``, the console and the log say."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from gatewayz_auth.service.overview import PoolSeen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gatewayz_auth.service.overview import Running

HEALTHY_BELOW = 0.5
NORMAL_BELOW = 0.8
WARNING_BELOW = 0.95
BANDS = ("UNKNOWN", "HEALTHY", "NORMAL", "WARNING", "CRITICAL")
"""From the best to the worst."""


class Cause(enum.StrEnum):
    """What keeps most of its connections from whoever asks next."""

    NONE = "none"
    IN_USE = "in_use"
    ABANDONED = "abandoned"
    BROKEN = "broken"
    NOT_CONNECTED = "not_connected"


class PoolCounts(Protocol):
    """What a pool says of itself; ``active`` leaves the ``broken`` ones out."""

    @property
    def max_size(self) -> int:
        """Connections there may be."""
        ...

    @property
    def active(self) -> int:
        """Connections in use."""
        ...

    @property
    def idle(self) -> int:
        """Connections that wait for work."""
        ...

    @property
    def broken(self) -> int:
        """Connections that were lost and are not given back yet."""
        ...

    @property
    def waiting(self) -> int:
        """Callers who wait for one."""
        ...


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``band`` of the contract, ``utilization`` 0 to 1, the greatest ``cause``, and all of it in one ``sentence``.

    ``slowest`` names the operation that has held a connection longest, for ``slowest_s`` seconds.
    """

    band: str
    utilization: float
    cause: Cause
    sentence: str
    waiting: int
    abandoned: int
    broken: int
    slowest: str | None = None
    slowest_s: float = 0.0
    in_use: str = ""
    """``7 of 20``: the connections in use, and those there may be."""
    pid: int | None = None
    """Of several processes the one that is worse off than all together."""

    def figures(self) -> dict[str, Any]:
        """What stands beside the sentence in the health check."""
        return {
            "band": self.band,
            "cause": self.cause.value,
            "waiting": self.waiting,
            "abandoned": self.abandoned,
            "broken": self.broken,
            "slowest": self.slowest,
            "slowest_s": round(self.slowest_s, 1),
        }


def band_of(active: int, max_size: int) -> str:
    """``HEALTHY`` below 50 % in use, ``NORMAL`` below 80, ``WARNING`` below 95, else ``CRITICAL``.

    ``UNKNOWN`` where there is no pool.
    """
    if max_size <= 0:
        return "UNKNOWN"
    share = active / max_size
    bands = ((HEALTHY_BELOW, "HEALTHY"), (NORMAL_BELOW, "NORMAL"), (WARNING_BELOW, "WARNING"))
    return next((band for below, band in bands if share < below), "CRITICAL")


def diagnose(pool: PoolCounts, running: Iterable[Running], waiting: int = 0) -> Diagnosis:
    """What is the matter with ``pool``, whose connections the calls of ``running`` hold; a pure function.

    ``waiting`` callers queue for it elsewhere, such as in the bulkhead.
    """
    calls = sorted(running, key=lambda call: -call.for_s)
    abandoned = sum(call.is_abandoned for call in calls)
    taken = pool.active + pool.broken
    waiting += pool.waiting
    attended = pool.active - min(abandoned, pool.active)
    shares = {Cause.IN_USE: attended, Cause.ABANDONED: abandoned, Cause.BROKEN: pool.broken}
    if taken == 0:
        cause = Cause.NOT_CONNECTED if pool.idle == 0 and waiting else Cause.NONE
    else:
        cause = max(shares, key=lambda one: shares[one])
    slowest = calls[0] if calls and taken else None
    return Diagnosis(
        band=band_of(taken, pool.max_size),
        utilization=taken / pool.max_size if pool.max_size > 0 else 0.0,
        cause=cause,
        sentence=_sentence(pool, calls, waiting, cause),
        waiting=waiting,
        abandoned=abandoned,
        broken=pool.broken,
        slowest=None if slowest is None else slowest.operation,
        slowest_s=0.0 if slowest is None else slowest.for_s,
        in_use=f"{taken} of {pool.max_size}",
    )


def diagnose_all(pools: Sequence[PoolSeen]) -> Diagnosis:
    """What is the matter with the pools of all processes: the sums, and the worst of their bands; a pure function.

    Where one process is worse off than all together, ``cause`` and ``slowest`` are its own, and the sentence begins
    with it.
    """
    whole = PoolSeen(
        0,
        sum(pool.max_size for pool in pools),
        active=sum(pool.active for pool in pools),
        idle=sum(pool.idle for pool in pools),
        broken=sum(pool.broken for pool in pools),
        waiting=sum(pool.waiting for pool in pools),
        running=[call for pool in pools for call in pool.running],
    )
    over_all = diagnose(whole, whole.running)
    found = (replace(diagnose(pool, pool.running), pid=pool.pid) for pool in pools)
    alone = max(found, key=_badness, default=over_all)
    if len(pools) <= 1 or _badness(alone)[0] <= _badness(over_all)[0]:
        return over_all
    return replace(
        over_all,
        band=alone.band,
        cause=alone.cause,
        sentence=f"In one of {len(pools)} processes {_uncapitalised(alone.sentence)} {over_all.in_use} in all.",
        slowest=alone.slowest,
        slowest_s=alone.slowest_s,
        pid=alone.pid,
    )


def _badness(found: Diagnosis) -> tuple[int, float, int]:
    """By band, then by what is in use, then by who waits."""
    cut_off = found.cause is Cause.NOT_CONNECTED
    return (len(BANDS) if cut_off else BANDS.index(found.band)), found.utilization, found.waiting


def _uncapitalised(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _sentence(pool: PoolCounts, calls: list[Running], waiting: int, cause: Cause) -> str:
    taken = pool.active + pool.broken
    if cause is Cause.NOT_CONNECTED:
        return f"No connection could be made; {waiting} wait."
    said = [f"{taken} of {pool.max_size} connections are in use"]
    if calls and taken:
        names = Counter(call.operation for call in calls).most_common(3)
        longest = f", the longest for {calls[0].for_s:.1f} s"
        said.append(", ".join(f"{name} {count}" for name, count in names) + longest)
    if abandoned := sum(call.is_abandoned for call in calls):
        said.append(f"{abandoned} of them were walked away from and still run")
    if pool.broken:
        said.append(f"{pool.broken} are broken and not given back yet")
    if waiting:
        said.append(f"{waiting} wait")
    return "; ".join(said) + "."
