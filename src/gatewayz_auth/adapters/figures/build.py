"""Which build this is."""

from __future__ import annotations

import re
from pathlib import Path

UNKNOWN = "unknown"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def commit(package: Path | None = None) -> str:
    """The first 12 digits of the commit of the checkout that ``package`` (default: ours) lies in, else ``unknown``.

    Read from git's files, no program is started; a package that was installed from a wheel has none.
    """
    root = (package or Path(__file__)).resolve().parents[4 if package is None else 0]
    try:
        head = (root / ".git" / "HEAD").read_text("ascii").strip()
        if head.startswith("ref: "):
            name = head.removeprefix("ref: ")
            loose = root / ".git" / name
            head = loose.read_text("ascii").strip() if loose.exists() else _packed(root, name)
    except (OSError, UnicodeError):
        return UNKNOWN
    return head[:12] if _COMMIT.fullmatch(head) else UNKNOWN


def _packed(root: Path, name: str) -> str:
    for line in (root / ".git" / "packed-refs").read_text("ascii").splitlines():
        digits, _, ref = line.partition(" ")
        if ref == name:
            return digits
    return ""
