"""The file that the history is kept in: one line a second, read along by every process, rewritten when it grows long.

One process at a time writes it, whoever holds its lock; the others follow it. So all show the same history, and a
process that starts later has all of it.
"""

from __future__ import annotations

import fcntl
import os
from typing import IO, TYPE_CHECKING, Any

import orjson

from gatewayz_auth.service.health import UNATTENDED
from gatewayz_auth.service.history import Frame, History
from gatewayz_auth.service.overview import Event

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gatewayz_auth.service.overview import Totals

REWRITE_AFTER = 1800
"""Lines added before the file is written anew with what is still kept."""


class Chronicle:
    """``history`` over the file ``path``; for one thread, and not for an event loop."""

    def __init__(self, path: Path, history: History) -> None:
        """Read nothing yet."""
        self._path = path
        self._history = history
        self._lock: int | None = None
        self._reading: IO[bytes] | None = None
        self._inode = 0
        self._added = 0
        self._rest = b""

    @property
    def is_writer(self) -> bool:
        """Whether this process writes it."""
        return self._lock is not None

    def follow(self) -> None:
        """Read what was written since the last time; ``OSError`` where the disk is of no use."""
        if self._reading is None or self._is_replaced():
            self._open()
        if self._reading is None:
            return
        *lines, self._rest = (self._rest + self._reading.read()).split(b"\n")
        for line in lines:
            self._take(line)

    def try_to_write(self) -> bool:
        """Become the one who writes, where nobody is; True where this process is it now."""
        if self._lock is not None:
            return True
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        self.follow()  # to its very end, before anything is added
        self._rewrite()
        return True

    def add(self, frame: Frame, events: Iterable[Event]) -> None:
        """Write down a second; only for the one who writes."""
        lines = [orjson.dumps({"e": list(event)}) for event in events]
        lines.append(_line(0, frame))
        with self._path.open("ab", buffering=0) as file:
            file.write(b"\n".join(lines) + b"\n")
        self._added += len(lines)
        self.follow()
        if self._added >= REWRITE_AFTER:
            self._rewrite()

    def close(self) -> None:
        """Leave the writing to somebody else."""
        for number in (self._lock,):
            if number is not None:
                os.close(number)
        self._lock = None
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def _open(self) -> None:
        if self._reading is not None:
            self._reading.close()
        self._rest = b""
        try:
            self._reading = self._path.open("rb")
        except FileNotFoundError:
            self._reading = None
            return
        self._inode = os.fstat(self._reading.fileno()).st_ino

    def _is_replaced(self) -> bool:
        try:
            return self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _take(self, line: bytes) -> None:
        try:
            said: dict[str, Any] = orjson.loads(line)
            if "e" in said:
                event = Event(*said["e"])
                if event not in self._history.events(event.at_s - 1):
                    self._history.happened(event)
            else:
                self._history.restore(said.pop("t", 0), Frame.from_dict(said))
        except (orjson.JSONDecodeError, TypeError, ValueError, AttributeError):
            return  # a line that a full disk cut short, or of another version

    def _rewrite(self) -> None:
        events = [orjson.dumps({"e": list(event)}) for event in self._history.events(0)]
        frames = [_line(tier, frame) for tier, frame in self._history.kept()]
        fresh = self._path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(b"".join(line + b"\n" for line in (*events, *frames)))
        fresh.replace(self._path)
        self._added = 0


def _line(tier: int, frame: Frame) -> bytes:
    return orjson.dumps({**({"t": tier} if tier else {}), **frame.as_dict()}, option=orjson.OPT_NON_STR_KEYS)


def frame_between(before: Totals, after: Totals, at_s: int) -> Frame:
    """What happened between two readings of the totals, as the frame of the second that ends at ``at_s``."""

    def grown(name: str, *labels: str) -> int:
        return max(0, round(after.number(name, *labels) - before.number(name, *labels)))

    answered: dict[str, int] = {}
    durations: dict[int, int] = {}
    earlier = before.histograms.get("sign_in_duration_seconds", {})
    for labels, histogram in after.histograms.get("sign_in_duration_seconds", {}).items():
        new = histogram.since(earlier[labels]) if labels in earlier else histogram
        outcome, source = labels
        if new.count:
            word = source if outcome == "ok" else outcome
            answered[word] = answered.get(word, 0) + new.count
            for index, count in enumerate(new.counts):
                if count:
                    durations[index] = durations.get(index, 0) + count
    pools = {
        neighbour: {
            **{state: round(after.number("pool_connections", neighbour, state))
               for state in ("active", "idle", "broken")},
            "waiting": round(after.number("pool_waiting", neighbour)),
            "max": round(most),
        }
        for (neighbour,), most in after.numbers.get("pool_size_max", {}).items()
    }  # fmt: skip
    results = {result for _, result in after.numbers.get("job_total", {})}
    jobs = {result: _jobs(after, result) - _jobs(before, result) for result in results}
    return Frame(
        at_s=at_s,
        answered=answered,
        durations=durations,
        slowest_s=round(after.slowest_s, 6) if answered else 0.0,
        breakers={labels[0]: round(state) for labels, state in after.numbers.get("breaker_state", {}).items()},
        pools=pools,
        timeouts=max(0, _attended(after) - _attended(before)),
        abandoned=round(after.number("abandoned_calls")),
        exhausted=grown("pool_exhausted_total"),
        evictions=grown("cache_evictions_total"),
        jobs={result: count for result, count in jobs.items() if count > 0},
        oldest_job_s=max(after.numbers.get("job_oldest_pending_seconds", {}).values(), default=0.0),
        processes=after.processes,
    )


def _attended(totals: Totals) -> int:
    """Calls given up that somebody waited for."""
    counted = totals.numbers.get("query_timeouts_total", {})
    return round(sum(value for (_, operation), value in counted.items() if operation not in UNATTENDED))


def _jobs(totals: Totals, wanted: str) -> int:
    return round(sum(value for (_, result), value in totals.numbers.get("job_total", {}).items() if result == wanted))
