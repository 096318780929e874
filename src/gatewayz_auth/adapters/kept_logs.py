"""The log files that are kept by name, searched and masked in place: no line is lost, whoever writes meanwhile."""

from __future__ import annotations

import asyncio
import mmap
import re
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.threads import BoundedThreads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MASK = b"x"
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


def _pattern(parts: tuple[str, ...], usernames: tuple[str, ...]) -> re.Pattern[bytes] | None:
    """What is the person's alone wherever it stands; usernames, which may be plain words, only where one is meant."""
    ways = [re.escape(part.encode()) + rb"(?![A-Za-z0-9_-])" for part in parts]
    named = [rb"(?<=username: )" + re.escape(name.encode()) + rb'(?=["\s]|\Z)' for name in usernames]
    named += [rb'(?<="username":")' + re.escape(name.encode()) + rb'(?=")' for name in usernames]
    together = b"|".join([*ways, *named])
    return re.compile(rb"(?P<name>" + together + rb")") if together else None
