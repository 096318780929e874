"""Which build this is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

UNKNOWN = "unknown"
CHANGED = "-changed"
"""Behind a commit: files differed from it."""

_DIGITS = 12
_NOTED = re.compile(rf"([0-9a-f]{{40}})({CHANGED})?")
_NOTE = Path(__file__).with_name("commit.txt")  # written by tools/build_hook.py into packages, never into a checkout
_GIT_LIMIT_S = 2.0


def commit(package: Path | None = None, note: Path = _NOTE) -> str:
    """The first 12 digits of the commit that this was built from, or whose checkout it runs from, else ``unknown``.

    A package carries a note of it (``note``), with ``-changed`` where files differed from the commit. In a checkout
    (``package``, default: ours) it is read from git's files; no program is started, and changes are not looked for.
    """
    root = (package or Path(__file__)).resolve().parents[4 if package is None else 0]
    try:
        if note.exists():
            return _short(note.read_text("ascii").strip())
        head = (root / ".git" / "HEAD").read_text("ascii").strip()
        if head.startswith("ref: "):
            name = head.removeprefix("ref: ")
            loose = root / ".git" / name
            head = loose.read_text("ascii").strip() if loose.exists() else _packed(root, name)
    except (OSError, UnicodeError):
        return UNKNOWN
    return _short(head)


def exact_commit() -> str:
    """The same, and in a checkout too with ``-changed`` where files differ: git is asked, for 2 s at most."""
    found = commit()
    if found == UNKNOWN or _NOTE.exists():
        return found
    root = Path(__file__).resolve().parents[4]
    try:
        done = subprocess.run(
            ["git", "status", "--porcelain"],  # noqa: S607 - the one of whoever develops
            cwd=root,
            capture_output=True,
            check=True,
            timeout=_GIT_LIMIT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN  # better than a commit that may not be it
    return found + CHANGED if done.stdout else found


def _short(text: str) -> str:
    match = _NOTED.fullmatch(text)
    return f"{match[1][:_DIGITS]}{match[2] or ''}" if match else UNKNOWN


def _packed(root: Path, name: str) -> str:
    for line in (root / ".git" / "packed-refs").read_text("ascii").splitlines():
        digits, _, ref = line.partition(" ")
        if ref == name:
            return digits
    return ""
