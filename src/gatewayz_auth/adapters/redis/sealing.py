"""Sealing of what is written to Redis, which is not trusted: nobody without the secret can read, make or move a value.

A sealed value is ``version ‖ key name ‖ salt ‖ nonce ‖ ciphertext ‖ tag`` (1, 4, 16, 12, n and 16 bytes): AES-256-GCM
under ``HMAC-SHA-256(secret's key, salt)``. A key of its own for each value keeps random nonces safe at any number of
values. The associated data is the version and the full Redis key, so that a value that was copied to another key, or
that another version of the format wrote, does not open.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewayz_auth.reliability.entropy import Entropy

VERSION = b"\x01"
KEY_BYTES = 32
SERVICE_PURPOSE = "gatewayz-auth cache v1"
LIBRARY_PURPOSE = "gatewayz-auth library cache v1"

_NAME_BYTES = 4
_SALT_BYTES = 16
_NONCE_BYTES = 12
_NAME_END = len(VERSION) + _NAME_BYTES
_SALT_END = _NAME_END + _SALT_BYTES
_NONCE_END = _SALT_END + _NONCE_BYTES
OVERHEAD_BYTES = _NONCE_END + 16


def sealing_keys(secrets: Sequence[str], purpose: str) -> tuple[bytes, ...]:
    """One 32-byte key for each secret of ``API_KEY_SECRET``, in its order; another ``purpose`` gives other keys."""
    return tuple(
        HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(secret.encode()) for secret in secrets
    )


class Sealer:
    """Seals with the newest of ``keys`` (32 bytes each, newest first) and opens what any of them has sealed."""

    __slots__ = ("_entropy", "_keys", "_newest")

    def __init__(self, keys: Sequence[bytes], entropy: Entropy) -> None:
        """Keep the keys under their names; ``ValueError`` where there is none or one has not 32 bytes."""
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"sealing needs one or more keys of {KEY_BYTES} bytes")
        self._keys = {hashlib.sha256(key).digest()[:_NAME_BYTES]: key for key in keys}
        self._newest = next(iter(self._keys))
        self._entropy = entropy

    def seal(self, redis_key: str, content: bytes) -> bytes:
        """Seal ``content`` for ``redis_key``; it is ``OVERHEAD_BYTES`` longer than before."""
        fresh = self._entropy.secret_bytes(_SALT_BYTES + _NONCE_BYTES)
        salt, nonce = fresh[:_SALT_BYTES], fresh[_SALT_BYTES:]
        one_off = hmac.digest(self._keys[self._newest], salt, "sha256")
        sealed = AESGCM(one_off).encrypt(nonce, content, VERSION + redis_key.encode())
        return b"".join((VERSION, self._newest, salt, nonce, sealed))

    def open(self, redis_key: str, value: bytes) -> bytes | None:
        """Open what was sealed for ``redis_key``; None for whatever is altered, moved, foreign, old or garbage."""
        if len(value) < OVERHEAD_BYTES or value[:1] != VERSION:
            return None
        key = self._keys.get(value[len(VERSION) : _NAME_END])
        if key is None:
            return None
        one_off = hmac.digest(key, value[_NAME_END:_SALT_END], "sha256")
        try:
            return AESGCM(one_off).decrypt(
                value[_SALT_END:_NONCE_END], value[_NONCE_END:], VERSION + redis_key.encode()
            )
        except InvalidTag:
            return None
