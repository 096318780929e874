"""API keys: their look, their checksum, and what their storage is bound to.

``gw_live_`` + 30 base62 characters from the CSPRNG (178 bits) + 6 base62 characters of CRC-32 over what stands before
them, so that junk is refused without a look-up.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIXES = {"live": "gw_live_", "test": "gw_test_", "development": "gw_dev_"}
SECRET_LENGTH = 30
CHECKSUM_LENGTH = 6
SEAL_VERSION = 1
OWNER_SECRET_BYTES = 32
SHOWN_PREFIX_LENGTH = 4


def checksum(text: str) -> str:
    """Six base62 characters of CRC-32 over ``text`` (ASCII): they find typing errors and junk, they prove nothing."""
    rest = zlib.crc32(text.encode("ascii"))
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, 62)
        digits = ALPHABET[digit] + digits
    return digits


def compose(environment_tag: str, secret: str) -> str:
    """The key of ``environment_tag`` made of ``secret`` (30 base62 characters), checksum included."""
    text = PREFIXES[environment_tag] + secret
    return text + checksum(text)


def tag_of(api_key: str) -> str | None:
    """The environment tag of a well-formed key; None for junk, decided without any look-up."""
    if not api_key.isascii():
        return None
    for tag, prefix in PREFIXES.items():
        if api_key.startswith(prefix):
            body = api_key[len(prefix) :]
            if len(body) != SECRET_LENGTH + CHECKSUM_LENGTH or any(c not in ALPHABET for c in body):
                return None
            return tag if checksum(api_key[:-CHECKSUM_LENGTH]) == api_key[-CHECKSUM_LENGTH:] else None
    return None


def shown_prefix(api_key: str) -> str:
    """What may be shown of a key to tell it from others: its prefix and four characters."""
    return api_key[: api_key.rindex("_") + 1 + SHOWN_PREFIX_LENGTH]


def digest(digest_key: bytes, api_key: str) -> bytes:
    """The keyed digest (HMAC-SHA-256, 32 bytes) that a key is found by."""
    return hmac.digest(digest_key, api_key.encode("ascii"), "sha256")


def associated_data(key_id: uuid.UUID, version: int = SEAL_VERSION) -> bytes:
    """What the sealed copy is bound to: this key's row and this format."""
    return b"gatewayz-auth api key v%d " % version + key_id.bytes


def owner_tag(owner_secret: bytes, user_id: int) -> bytes:
    """What binds a stored key to its owner: SHA-256 over the sealed 32-byte secret and the user id (8 bytes)."""
    return hashlib.sha256(owner_secret + user_id.to_bytes(8, "big")).digest()
