"""Public keys as they are read: from PEM text, or from a JWK set (RFC 7517)."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from gatewayz_auth.adapters.privy import base64url, strict_json
from gatewayz_auth.adapters.privy.header import ALGORITHM, MAX_KID_LENGTH
from gatewayz_auth.domain.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PEM_KEYS = 8
"""A token that names no known key is tried against all of these, so their number bounds what a forgery costs."""
MAX_JWKS_KEYS = 32
_COORDINATE_BYTES = 32
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----")

_FORM = (
    r"public keys on P-256 as PEM, also with literal `\n`, also several after one another. Example: "
    r"PRIVY_VERIFICATION_KEY=-----BEGIN PUBLIC KEY-----\nMFkw…\n-----END PUBLIC KEY-----"
)


class UnusableKeysError(ValueError):
    """A JWK set that must not replace a good one; the text is a bounded word and holds nothing of the set."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by name (``kid``), and those that have none."""

    named: Mapping[str, ec.EllipticCurvePublicKey]
    nameless: tuple[ec.EllipticCurvePublicKey, ...] = ()

    def is_same(self, other: KeySet) -> bool:
        """Whether both hold the same keys under the same names."""
        return self._points() == other._points()

    def _points(self) -> tuple[dict[str, bytes], tuple[bytes, ...]]:
        return {kid: _point(key) for kid, key in self.named.items()}, tuple(_point(key) for key in self.nameless)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def read_pem(text: str) -> tuple[ec.EllipticCurvePublicKey, ...]:
    r"""The keys of ``PRIVY_VERIFICATION_KEY``, one to eight; line ends may be literal ``\n``, blanks or missing.

    ``SettingsError`` names the setting and prints nothing of its value.
    """
    plain = text.replace("\\r", "\n").replace("\\n", "\n")
    blocks = _PEM.findall(plain)
    if not blocks or _PEM.sub("", plain).strip():
        raise _fault("holds something that is no PEM block")
    if len(blocks) > MAX_PEM_KEYS:
        raise _fault(f"holds more than {MAX_PEM_KEYS} keys")
    return tuple(_pem_key(label, body) for label, body in blocks)


def _pem_key(label: str, body: str) -> ec.EllipticCurvePublicKey:
    if "PRIVATE" in label:
        raise _fault("holds a private key, which belongs nowhere but with its issuer")
    if label != "PUBLIC KEY":
        raise _fault("holds a PEM block that is no public key")
    try:
        key = load_der_public_key(binascii.a2b_base64("".join(body.split()), strict_mode=True))
    except (ValueError, UnsupportedAlgorithm):
        raise _fault("holds a public key that cannot be read") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _fault("holds a key that is not on the curve P-256, which ES256 needs")
    return key


def _fault(problem: str) -> SettingsError:
    return SettingsError([f"PRIVY_VERIFICATION_KEY {problem}; expected {_FORM}"])


def read_jwks(raw: bytes | str) -> KeySet:
    """The ES256 keys of a JWK set, one to 32; keys of other kinds and for other uses are left out.

    ``UnusableKeysError`` for what is not strict JSON, has no key for us, names one twice or has a broken one.
    """
    try:
        entries = strict_json.parse_object(raw).get("keys")
    except ValueError:
        raise UnusableKeysError("not_json") from None
    if not isinstance(entries, list) or len(entries) > MAX_JWKS_KEYS:
        raise UnusableKeysError("no_list_of_keys")
    named: dict[str, ec.EllipticCurvePublicKey] = {}
    nameless: list[ec.EllipticCurvePublicKey] = []
    for entry in entries:
        if not isinstance(entry, dict) or not _is_for_us(entry):
            continue
        kid = entry.get("kid")
        if kid is None:
            nameless.append(_jwk_key(entry))
        elif not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH or kid in named:
            raise UnusableKeysError("key_name")
        else:
            named[kid] = _jwk_key(entry)
    if not (named or nameless) or len(nameless) > MAX_PEM_KEYS:
        raise UnusableKeysError("no_key_for_es256")
    return KeySet(named, tuple(nameless))


def _is_for_us(entry: dict[str, object]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("kty") == "EC"
        and entry.get("crv") == "P-256"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", ALGORITHM) == ALGORITHM
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in entry  # a private key that was published proves nothing any more
    )


def _jwk_key(entry: dict[str, object]) -> ec.EllipticCurvePublicKey:
    try:
        x, y = (_coordinate(entry[name]) for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except (KeyError, ValueError):
        raise UnusableKeysError("bad_point") from None


def _coordinate(value: object) -> int:
    raw = base64url.decode(value) if isinstance(value, str) else b""
    if len(raw) != _COORDINATE_BYTES:
        raise ValueError("no coordinate")
    return int.from_bytes(raw, "big")
