"""What stands in a log line in the place of a person's id, where LOG_IDS=hash."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = 10_000
"""Pseudonyms remembered, so that a person's next line costs nothing."""


def pseudonyms(secret: str) -> Callable[[str], str]:
    """Make a function that names ids: the same id has the same name as long as ``secret`` is the same.

    Without the secret nobody can tell which id a name belongs to, not even by trying all ids.
    """
    key = hashlib.blake2b(secret.encode(), person=b"gatewayz-log-ids").digest()

    @lru_cache(KEPT)
    def name(plain: str) -> str:
        return "id_" + hashlib.blake2b(plain.encode("utf-8", "replace"), key=key, digest_size=8).hexdigest()

    return name
