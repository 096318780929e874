"""What operators changed, kept on this host: so that it holds, and can be changed, while the database is away.

``runtime-held.json``    the row as it was last read
``runtime-here.json``    a rollback of this host alone, made while the database was away
``audit-owed.jsonl``     what is still to be written into the audit log
``rollout-seen.json``    what this host has seen of both cohorts since the stage began
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Any

import orjson

from gatewayz_auth.service.runtime_settings import Runtime, rollback_as_json, rollback_of, runtime_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gatewayz_auth.service.runtime_settings import Rollback

MAX_BYTES = 1_000_000
OWED_LINES = 1000


class RuntimeFiles:
    """The files in ``folder``. Reading what is missing or not whole gives nothing; writing may raise ``OSError``.

    For a thread: a disk may keep it waiting.
    """

    def __init__(self, folder: Path) -> None:
        """Touch nothing yet."""
        self._folder = folder

    def held(self) -> Runtime | None:
        """The row as a process of this host read it last; None where none ever did."""
        plain = self._read("runtime-held.json")
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
            return None if plain is None else runtime_of(int(plain["version"]), plain["document"])
        return None

    def hold(self, runtime: Runtime) -> None:
        """Keep ``runtime`` for whoever starts while the database is away."""
        self._write("runtime-held.json", {"version": runtime.version, "document": runtime.as_json()})

    def here(self) -> Rollback | None:
        """What was rolled back, or undone, on this host alone."""
        with contextlib.suppress(KeyError, TypeError, AttributeError):
            return rollback_of(self._read("runtime-here.json"))
        return None

    def roll_back_here(self, rollback: Rollback) -> None:
        """Have every process of this host follow ``rollback`` within a second."""
        self._write("runtime-here.json", rollback_as_json(rollback))

    def owe(self, who: str, what: str, subject: str, why: str) -> None:
        """Have it written into the audit log once the database is back."""
        line = orjson.dumps({"who": who, "what": what, "subject": subject, "why": why})
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._only_one(), self._open("audit-owed.jsonl", os.O_APPEND) as file:
            os.write(file, line + b"\n")
            os.fsync(file)

    def is_owing(self) -> bool:
        """Whether anything is still to be written into the audit log."""
        return (self._folder / "audit-owed.jsonl").exists()

    @contextlib.contextmanager
    def owed(self) -> Iterator[list[dict[str, str]]]:
        """What is owed, for one process at a time; whatever is left in the list afterwards stays owed."""
        path = self._folder / "audit-owed.jsonl"
        if not path.exists():
            yield []
            return
        with self._only_one() as is_mine:
            entries = [] if not is_mine else [_entry(line) for line in path.read_bytes().splitlines()[:OWED_LINES]]
            left = [entry for entry in entries if entry is not None]
            count = len(left)
            try:
                yield left
            finally:
                if is_mine and len(left) < count:
                    self._keep(path, left)

    def _keep(self, path: Path, left: list[dict[str, str]]) -> None:
        if left:
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.write_bytes(b"".join(orjson.dumps(entry) + b"\n" for entry in left))
            fresh.replace(path)
        else:
            path.unlink(missing_ok=True)

    def seen(self) -> dict[str, Any]:
        """What this host has seen of both cohorts; empty where nothing is being rolled out."""
        return self._read("rollout-seen.json") or {}

    def see(self, seen: dict[str, Any]) -> None:
        """Show ``seen`` to commands, and to whoever counts on after this process."""
        self._write("rollout-seen.json", seen)

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[bool]:
        with self._open("audit-owed.lock", 0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextlib.contextmanager
    def _open(self, name: str, flags: int) -> Iterator[int]:
        file = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)
        try:
            yield file
        finally:
            os.close(file)

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            with (self._folder / name).open("rb") as file:
                value = orjson.loads(file.read(MAX_BYTES))
        except (OSError, orjson.JSONDecodeError):
            return None
        return value if isinstance(value, dict) else None

    def _write(self, name: str, value: dict[str, Any]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._folder / f"{name}.{os.getpid()}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(value))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / name)


def _entry(line: bytes) -> dict[str, str] | None:
    with contextlib.suppress(orjson.JSONDecodeError):
        value = orjson.loads(line)
        if isinstance(value, dict) and value.keys() == {"who", "what", "subject", "why"}:
            return value
    return None
