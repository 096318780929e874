"""Where processes lay their figures down for one another: a file each, and one for all that have ended.

A process holds a lock on a file of its own while it lives, and the kernel lets go of it however it ends. Whoever finds
a lock free adds what the ended process left to the ``retired`` file and only then removes its files. The ``retired``
file names whom it holds, so that a fold which is interrupted anywhere counts nobody twice and loses nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import orjson

from gatewayz_auth.adapters.figures.merging import what_remains

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gatewayz_auth.adapters.figures.merging import Snapshot

FORMAT = 1
MAX_NAMES = 256
"""Names of ended processes that are remembered after their files are gone: for readers who saw the files before."""

OLD_RUN_S = 60.0
RETIRED = "retired.json"
_NAME = re.compile(r"[0-9]+-[0-9]+")


class Shelf:
    """The folder of one run of the service; ``name`` is this process'. ``OSError`` where the folder is of no use.

    For one thread at a time, and not for an event loop: a disk may keep it waiting.
    """

    def __init__(self, folder: Path, run: str, *, pid: int, started_ms: int) -> None:
        """Touch nothing yet."""
        self._root = folder
        self._folder = folder / run
        self.name = f"{pid}-{started_ms}"
        self._alive: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether this process has its place."""
        return self._alive is not None

    def open(self, utc_now_s: float) -> None:
        """Take the place of this process, and clear away what earlier runs left."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._alive = _locked(self._folder / f"{self.name}.alive", is_new=True)
        for run in self._root.iterdir():
            if run != self._folder and run.is_dir() and run.stat().st_mtime < utc_now_s - OLD_RUN_S:
                self._clear_away(run)

    def _clear_away(self, run: Path) -> None:
        for alive in run.glob("*.alive"):
            lock = _locked(alive)
            if lock is None:
                return
            os.close(lock)
        shutil.rmtree(run, ignore_errors=True)

    def lay_down(self, snapshot: Snapshot) -> None:
        """Leave ``snapshot`` for the others, whole or not at all."""
        _write(self._folder / f"{self.name}.json", snapshot)

    def read(self) -> tuple[list[Snapshot], Snapshot, int]:
        """What living processes have laid down, what is left of the ended ones, and how many those are."""
        found: dict[str, Snapshot] = {}
        for file in self._folder.glob("*.json"):
            if file.name != RETIRED and (snapshot := _read(file)) is not None:
                found[file.stem] = snapshot
        retired = self._retired()  # after the files: whoever was folded in meanwhile is named there
        held = set(retired["names"])
        living = [snapshot for name, snapshot in found.items() if name not in held]
        return living, retired, retired["ended"]

    def fold(self) -> int:
        """Add what ended processes have left to what is retired; how many there were. One process at a time does it."""
        with self._folding() as may_fold:
            return self._fold() if may_fold else 0

    def _fold(self) -> int:
        count = 0
        retired = self._retired()
        for alive in sorted(self._folder.glob("*.alive")):
            name = alive.stem
            if name == self.name or not _NAME.fullmatch(name):
                continue
            lock = _locked(alive)
            if lock is None:
                continue
            try:
                if name not in retired["names"]:
                    left = _read(self._folder / f"{name}.json") or {}
                    names = [*retired["names"], name][-MAX_NAMES:]
                    retired = what_remains(retired, left) | {"names": names, "ended": retired["ended"] + 1}
                    _write(self._folder / RETIRED, retired)
                    count += 1
                (self._folder / f"{name}.json").unlink(missing_ok=True)
                alive.unlink(missing_ok=True)
            finally:
                os.close(lock)
        return count

    def _retired(self) -> Snapshot:
        return {"names": [], "ended": 0} | (_read(self._folder / RETIRED) or {})

    @contextlib.contextmanager
    def _folding(self) -> Iterator[bool]:
        lock = _locked(self._folder / "fold", is_new=True)
        try:
            yield lock is not None
        finally:
            if lock is not None:
                os.close(lock)

    def close(self) -> None:
        """Let go: whoever looks next takes this process for ended, and its figures in."""
        if self._alive is not None:
            os.close(self._alive)
            self._alive = None


def _locked(path: Path, *, is_new: bool = False) -> int | None:
    """The file, locked by us until it is closed; None where somebody else holds it, or it is gone."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if is_new else 0), 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _write(path: Path, value: Any) -> None:  # noqa: ANN401 - whatever JSON can show
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(orjson.dumps({"format": FORMAT} | value))
    fresh.replace(path)


def _read(path: Path) -> Snapshot | None:
    """What was written there; None where it is gone, not whole, or of another version."""
    try:
        value = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return value if isinstance(value, dict) and value.get("format") == FORMAT else None
