"""A compact JWS and its ES256 signature (RFC 7515 and 7518), read strictly; no claim is looked at here."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from gatewayz_auth.adapters.privy import base64url
from gatewayz_auth.domain.errors import TokenNotAccepted

if TYPE_CHECKING:
    from collections.abc import Iterable

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""How many points P-256 has: ``r`` and ``s`` lie between 0 and this, both left out."""

_PARTS = 3
_COORDINATE_BYTES = 32
_SIGNATURE_LETTERS = 86
_ZERO = bytes(_COORDINATE_BYTES)
_ORDER = ORDER.to_bytes(_COORDINATE_BYTES, "big")
_POSITIVE = 0x7F
_DER = {
    (False, False): b"\x30\x44\x02\x20%b\x02\x20%b",
    (False, True): b"\x30\x45\x02\x20%b\x02\x21\x00%b",
    (True, False): b"\x30\x45\x02\x21\x00%b\x02\x20%b",
    (True, True): b"\x30\x46\x02\x21\x00%b\x02\x21\x00%b",
}
"""A sequence of two 32-byte numbers in DER, by whether each has its highest bit set and so a zero before it."""
_ES256 = ec.ECDSA(Prehashed(hashes.SHA256()))


class Compact:
    """A token in its three parts, undecoded; ``signed`` is the SHA-256 of the first two, ``name`` that of the whole."""

    __slots__ = ("body", "head", "name", "signed", "tail")

    def __init__(self, token: str, max_length: int) -> None:
        """Take ``token`` apart; refuses what is too long before any other work."""
        if len(token) > max_length:
            raise TokenNotAccepted("too_long")
        parts = token.split(".", _PARTS)
        if len(parts) != _PARTS or not token.isascii():
            raise TokenNotAccepted("malformed")
        self.head, self.body, self.tail = parts
        raw = token.encode("ascii")
        end = len(raw) - len(self.tail) - 1
        digest = hashlib.sha256(raw[:end])  # both of one pass: making another costs as much as the hashing
        self.signed = digest.digest()
        digest.update(raw[end:])
        self.name = digest.digest()


def der_signature(segment: str) -> bytes:
    """The signature as the curve's library wants it; refuses all but 64 bytes whose two numbers are in range.

    A high ``s`` is legal in ES256 and is taken: nothing here takes a signature for a name of its token.
    """
    if len(segment) != _SIGNATURE_LETTERS:
        raise TokenNotAccepted("signature")
    try:
        raw = base64url.decode(segment)
    except ValueError:
        raise TokenNotAccepted("malformed") from None
    r, s = raw[:_COORDINATE_BYTES], raw[_COORDINATE_BYTES:]
    if not (_ZERO < r < _ORDER and _ZERO < s < _ORDER):  # of one length: their order is that of the numbers
        raise TokenNotAccepted("signature")
    if r[0] and s[0]:  # 255 in 256 are; a leading zero makes DER shorter, and others know best how
        return _DER[r[0] > _POSITIVE, s[0] > _POSITIVE] % (r, s)
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def is_signed(digest: bytes, signature: bytes, keys: Iterable[ec.EllipticCurvePublicKey]) -> bool:
    """Whether ``signature`` (from ``der_signature``) for this SHA-256 was made by one of ``keys``, all on P-256."""
    for key in keys:
        try:
            key.verify(signature, digest, _ES256)
        except InvalidSignature:
            continue
        return True
    return False


def payload(segment: str) -> bytes:
    """The bytes of the payload; refuses any spelling but the one."""
    try:
        return base64url.decode(segment)
    except ValueError:
        raise TokenNotAccepted("malformed") from None
