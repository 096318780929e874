"""Names for requests: ours alone, unique over processes and restarts, and cheap."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayz_auth.reliability.entropy import Entropy

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_PREFIX_LENGTH = 10


class RequestIds:
    """Ten random characters of this process (50 bits), a dash, and a counter; a caller's own id is not taken."""

    __slots__ = ("_counter", "_prefix")

    def __init__(self, entropy: Entropy) -> None:
        """Draw the prefix once."""
        self._prefix = entropy.token(_ALPHABET, _PREFIX_LENGTH)
        self._counter = itertools.count(1)

    def next(self) -> str:
        """The next name; ASCII."""
        return f"{self._prefix}-{next(self._counter):x}"
