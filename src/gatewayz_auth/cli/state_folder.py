"""The folder that the embedded servers and the development keys live in: one program at a time, one format."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
from typing import TYPE_CHECKING, Self

from gatewayz_auth.domain.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gatewayz_auth.reliability.entropy import Entropy

FORMAT = "1"
"""Of what lies in the folder; a version of this program that arranges it otherwise counts up."""

_ROOM_FOR_NEW_DATA = 120_000_000
_ROOM_FOR_MORE = 34_000_000  # two of Postgres' log segments
_LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 48
_ADDRESS = "address"
_WORD = 4000
"""Bytes of the word that whoever holds the folder leaves in its lock."""


class StateFolder:
    """``path``, held by this process alone until ``close`` or its end, however that comes.

    ``StartupError`` says in one sentence what to do where it cannot be had: held by another program, not writable,
    full, or arranged by another version.
    """

    def __init__(self, path: Path) -> None:
        """Keep the place; nothing is touched before ``open``."""
        self.path = path
        self._lock: int | None = None

    def open(self, url: str) -> None:
        """Take the folder, and leave word for others that we are at ``url``."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take(url)
            self._check_format()
            self._check_room()
        except OSError as error:
            raise self.unusable(error) from None

    def close(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def leave_address(self, url: str) -> None:
        """Leave word for commands that operators are answered at ``url``; in vain where nothing can be written."""
        with contextlib.suppress(OSError, StartupError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write_down(self.path / _ADDRESS, url)

    def leave_supplied(self, by: str, url: str, supplied: Mapping[str, str]) -> None:
        """Leave word, while this process holds the folder, which settings ``by``, at ``url``, supplies, as all may see.

        No secret belongs into ``supplied``.
        """
        if self._lock is not None:
            with contextlib.suppress(OSError, ValueError):
                left = json.loads(os.pread(self._lock, _WORD, 0))
                word = json.dumps({**left, "url": url, "by": by, "supplied": dict(supplied)}).encode()
                os.pwrite(self._lock, word, 0)
                os.ftruncate(self._lock, len(word))

    def unusable(self, error: OSError) -> StartupError:
        """What to tell about ``error``, which came while using the folder."""
        other = "or set STATE_DIR to another folder"
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return StartupError(f"The disk of the data folder {self.path} is full: make room, {other}.")
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            return StartupError(
                f"The data folder {self.path} cannot be written by this user ({error.strerror}): "
                f"make it writable, {other}."
            )
        return StartupError(f"The data folder {self.path} cannot be used ({error.strerror}): remove it, {other}.")

    def secret(self, entropy: Entropy, name: str = "api-key-secret") -> str:
        """A secret of development (API_KEY_SECRET): made once, readable by its owner alone, the same ever after."""
        place = self.path / name
        try:
            if not place.exists():
                self._write_down(place, entropy.token(_LETTERS, _LENGTH))
            return place.read_text("ascii").strip()
        except OSError as error:
            raise self.unusable(error) from None

    def _write_down(self, place: Path, text: str) -> None:
        """Whole or not at all, whenever the machine stops."""
        fresh = place.with_name(f"{place.name}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(place)

    def _take(self, url: str) -> None:
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(os.read(self._lock, _WORD))
            self.close()
            raise StartupError(
                f"gatewayz-auth runs on the data folder {self.path} already{holder}: stop that one with Ctrl-C, "
                "or set STATE_DIR to another folder and PORT to another port."
            ) from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, json.dumps({"pid": os.getpid(), "url": url}).encode())

    def _check_format(self) -> None:
        place = self.path / "format"
        try:
            found = place.read_text("utf-8", errors="replace").strip()
        except FileNotFoundError:
            self._write_down(place, FORMAT)
            return
        if found != FORMAT:
            raise StartupError(
                f"The data folder {self.path} was made by another version of gatewayz-auth (format {found[:20]!r}, "
                f"this version has {FORMAT}): start that version, or move the folder away to begin anew."
            )

    def _check_room(self) -> None:
        needed = _ROOM_FOR_MORE if (self.path / "postgres").exists() else _ROOM_FOR_NEW_DATA
        if shutil.disk_usage(self.path).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def left_address(folder: Path) -> str | None:
    """The address that a ``serve`` on ``folder`` left last; None where there is none."""
    try:
        return (folder / _ADDRESS).read_text("utf-8").strip() or None
    except OSError:
        return None


def supplied_in(folder: Path) -> tuple[str, dict[str, str]]:
    """By which command the program that holds ``folder`` now supplies settings, and which; empty where none does."""
    try:
        lock = os.open(folder / "lock", os.O_RDONLY)
    except OSError:
        return "", {}
    try:
        left = json.loads(os.read(lock, _WORD))
        os.kill(int(left["pid"]), 0)  # first, so that whoever starts here now is not kept out by our trying the lock
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return str(left.get("by", "")), {str(name): str(value) for name, value in left.get("supplied", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return "", {}
    finally:
        os.close(lock)
    return "", {}


def _holder(word: bytes) -> str:
    try:
        left = json.loads(word)
        return f" (process {int(left['pid'])}, {left['url']})"
    except (ValueError, KeyError, TypeError):
        return ""
