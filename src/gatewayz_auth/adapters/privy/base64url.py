"""Base64url as RFC 7515 means it: one spelling for each value, and nothing else is read."""

from __future__ import annotations

import binascii

_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/   ")
"""The two letters that differ; those of the other alphabet and padding become a blank, which is refused below."""

_LAST_OF_TWO = frozenset(b"AQgw")
_LAST_OF_THREE = frozenset(b"AEIMQUYcgkosw048")
_PADDING = (b"", b"", b"==", b"=")


def decode(text: str) -> bytes:
    """The bytes that ``text`` spells; ``ValueError`` for padding, blanks, other letters or bits that say nothing.

    Leftover bits must be zero: otherwise one token had several spellings, and whoever remembers tokens by their text
    would take one for many.
    """
    raw = text.encode("ascii")
    rest = len(raw) % 4
    if rest == 1:
        raise ValueError("impossible length")
    if (rest == 2 and raw[-1] not in _LAST_OF_TWO) or (rest == 3 and raw[-1] not in _LAST_OF_THREE):  # noqa: PLR2004
        raise ValueError("leftover bits")
    return binascii.a2b_base64(raw.translate(_TO_STANDARD) + _PADDING[rest], strict_mode=True)


def encode(raw: bytes) -> str:
    """The one spelling of ``raw``."""
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(bytes.maketrans(b"+/", b"-_")).decode()
