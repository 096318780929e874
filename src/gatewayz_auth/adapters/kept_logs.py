"""The log files that are kept by name, searched and masked in place: no line is lost, whoever writes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import mmap
import re
from typing import TYPE_CHECKING, Any

import orjson

from gatewayz_auth.adapters.threads import BoundedThreads
from gatewayz_auth.service.dossier import Recent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MASK = b"x"
TAIL_BYTES = 4_000_000
"""So much of the log's end is searched for somebody's sign-ins: some ten thousand lines, in milliseconds."""

_THREADS = 2


class KeptLogs:
    """``service.erasure.KeptLogs`` over ``path`` and its rotated elders; reads in a thread of its own."""

    def __init__(self, path: Path | None) -> None:
        """Keep the place; None: no log is kept."""
        self._path = path
        self._threads = BoundedThreads("kept logs", _THREADS)

    async def mask(self, parts: tuple[str, ...], usernames: tuple[str, ...]) -> int:
        """Overwrite every place with as many letters as it has; how many places that were."""
        pattern = _pattern(parts, usernames)
        return await asyncio.wrap_future(
            self._threads.submit(lambda: sum(self._each(pattern, is_masked=True).values()))
        )

    async def traces(self, parts: tuple[str, ...], usernames: tuple[str, ...]) -> dict[str, int]:
        """Where any of these still stands, by file."""
        pattern = _pattern(parts, usernames)
        return await asyncio.wrap_future(self._threads.submit(lambda: self._each(pattern, is_masked=False)))

    async def sign_ins_of(self, user_id: int, most: int) -> tuple[Recent, ...]:
        """The person's last sign-ins that stand at the end of the log, newest first; by whichever process answered."""
        return await asyncio.wrap_future(self._threads.submit(lambda: self._sign_ins_of(user_id, most)))

    def _sign_ins_of(self, user_id: int, most: int) -> tuple[Recent, ...]:
        if self._path is None or not self._path.is_file():
            return ()
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - TAIL_BYTES))
            lines = file.read().splitlines()
        found: list[Recent] = []
        wanted = b'"user_id":%d,' % user_id
        for line in reversed(lines):
            if wanted in line and line.startswith(b"{") and len(found) < most:
                with contextlib.suppress(ValueError, KeyError):
                    found.append(_recent(orjson.loads(line)))
        return tuple(found)

    def _files(self) -> Iterator[Path]:
        if self._path is None or not self._path.parent.is_dir():
            return
        for path in sorted(self._path.parent.glob(f"{self._path.name}*")):
            if path.is_file() and path.stat().st_size:
                yield path

    def _each(self, pattern: re.Pattern[bytes] | None, *, is_masked: bool) -> dict[str, int]:
        found: dict[str, int] = {}
        for path in self._files() if pattern is not None else ():
            with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as text:
                places = [match.span("name") for match in pattern.finditer(text)] if pattern else []
                if is_masked:
                    for start, end in places:
                        text[start:end] = MASK * (end - start)
            if places:
                found[path.name] = len(places)
        return found


def _recent(line: dict[str, Any]) -> Recent:
    at = dt.datetime.fromisoformat(line["timestamp"])
    return Recent(at.timestamp(), line["outcome"], line["source"], line["duration_ms"] / 1e3, line["request_id"])


def _pattern(parts: tuple[str, ...], usernames: tuple[str, ...]) -> re.Pattern[bytes] | None:
    """What is the person's alone wherever it stands; usernames, which may be plain words, only where one is meant."""
    ways = [rb"(?<![A-Za-z0-9_.+-])" + re.escape(part.encode()) + rb"(?![A-Za-z0-9_-])" for part in parts]
    named = [rb"(?<=username: )" + re.escape(name.encode()) + rb'(?=["\s]|\Z)' for name in usernames]
    named += [rb'(?<="username":")' + re.escape(name.encode()) + rb'(?=")' for name in usernames]
    together = b"|".join([*ways, *named])
    return re.compile(rb"(?P<name>" + together + rb")") if together else None
