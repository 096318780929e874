"""The last good JWK set on disk, so that a restart while Privy is down still signs people in."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import orjson

from gatewayz_auth.adapters.privy import strict_json
from gatewayz_auth.adapters.privy.key_set import KeySet, UnusableKeysError, read_jwks

FILE_NAME = "privy-jwks.json"
MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A set that was kept, and when it had been fetched (seconds since 1970)."""

    keys: KeySet
    fetched_at_s: float


class KeyFile:
    """Keeps one JWK set of ``url`` in the folder ``state_dir``; a set of another URL is not read."""

    def __init__(self, state_dir: Path, url: str) -> None:
        self._path = state_dir / FILE_NAME
        self._url = url

    def load(self) -> Kept | None:
        """What was kept for this URL, checked as if it had just been fetched; None where there is nothing usable."""
        try:
            with self._path.open("rb") as file:
                content = strict_json.parse_object(file.read(MAX_FILE_BYTES))
            fetched_at_s, jwks = content.get("fetched_at_s"), content.get("jwks")
            if content.get("url") != self._url or not isinstance(fetched_at_s, int) or not isinstance(jwks, str):
                return None
            return Kept(read_jwks(jwks), float(fetched_at_s))
        except (OSError, ValueError, UnusableKeysError):
            return None

    def save(self, jwks: bytes, fetched_at_s: float) -> bool:
        """Replace what is kept, whole or not at all; whether it was done (a full or read-only folder is no fault)."""
        content = {"url": self._url, "fetched_at_s": int(fetched_at_s), "jwks": jwks.decode()}
        try:
            replace_file(self._path, orjson.dumps(content))
        except OSError:
            return False
        return True


def replace_file(path: Path, content: bytes) -> None:
    """Make ``path`` hold ``content``, readable by its owner alone; a reader sees the old or the new, never a part."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
