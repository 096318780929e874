"""Writes finished lines to standard output and a rotated file, from a thread of its own.

A sink that blocks, is full or is gone holds up that thread and nobody else: lines wait in a bounded queue, what does
not fit is dropped, and the number dropped is said once there is room again.
"""

from __future__ import annotations

import contextlib
import os
import threading
from functools import partial
from typing import IO, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Facts = TypeVar("Facts")

MAX_WAITING_LINES = 20_000
FLUSH_EVERY_S = 0.05
FILE_LIMIT_BYTES = 50 * 1024 * 1024
KEPT_FILES = 3


class LineWriter:
    """A bounded queue of lines and the thread that writes them; ``write`` never waits."""

    def __init__(self, stream: IO[bytes] | None, file: Path | None = None) -> None:
        """Write to ``stream`` (None: nowhere) and append to ``file``, whose folder is made where it is missing."""
        self._stream = stream
        self._path = file
        self._file: IO[bytes] | None = None
        self._inode = 0
        self._lines: list[bytes | Callable[[], bytes]] = []
        self._dropped = 0
        self.lost = 0
        """Lines that were never written, as far as they have been told of."""
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the writing thread; lines written before are kept until then."""
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Queue one line (without its newline); dropped and counted where the queue is full."""
        if len(self._lines) >= MAX_WAITING_LINES:
            self._dropped += 1
            return
        self._lines.append(line)

    def write_later(self, make: Callable[[Facts, float], bytes], facts: Facts, utc_now_s: float) -> None:
        """Queue the line ``make(facts, utc_now_s)``, which the writing thread puts together; else like ``write``.

        Many in a row cost half of what each does between other work.
        """
        if len(self._lines) >= MAX_WAITING_LINES:
            self._dropped += 1
            return
        self._lines.append(partial(make, facts, utc_now_s))

    def close(self, limit_s: float = 1.0) -> None:
        """Write what waits, for at most ``limit_s`` seconds."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(limit_s)

    def _run(self) -> None:
        while not self._closing.wait(FLUSH_EVERY_S):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        dropped, self._dropped = self._dropped, 0
        self.lost += dropped
        if dropped:
            lines.append(b'{"level":"warning","message":"Log lines dropped: %d"}' % dropped)
        block = b"\n".join([line if isinstance(line, bytes) else _made(line) for line in lines]) + b"\n"
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(block)
                self._stream.flush()
        if self._path is not None:
            try:
                self._append(block)
            except OSError:  # a full disk, say: the next lines may find room again
                self.lost += len(lines)

    def _append(self, block: bytes) -> None:
        assert self._path is not None  # noqa: S101 - for the type checker; the caller has looked
        if self._file is None or not self._is_current():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
            self._inode = os.fstat(self._file.fileno()).st_ino
        self._file.write(block)
        if self._file.tell() > FILE_LIMIT_BYTES:
            self._rotate()

    def _is_current(self) -> bool:
        # Another worker may have rotated the file that we still hold open.
        try:
            return self._path is not None and self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def _rotate(self) -> None:
        assert self._path is not None  # noqa: S101 - for the type checker; the caller has looked
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        if self._file is not None:
            self._file.close()
            self._file = None


def _made(line: Callable[[], bytes]) -> bytes:
    try:
        return line()
    except Exception:  # noqa: BLE001 - one line that cannot be made must not end all others
        return b'{"level":"error","message":"A log line could not be made"}'
