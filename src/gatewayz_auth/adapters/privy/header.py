"""The header of a token: written by whoever sends it, so it may choose nothing but which of our keys to try."""

from __future__ import annotations

from dataclasses import dataclass

from gatewayz_auth.adapters.privy import base64url, strict_json
from gatewayz_auth.domain.errors import TokenNotAccepted

ALGORITHM = "ES256"
TYPE = "JWT"
"""As Privy writes it; RFC 7519 recommends upper case, and we read no other spelling."""

MAX_SEGMENT_LENGTH = 1024
MAX_KID_LENGTH = 128

_FORBIDDEN = frozenset({"crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "enc", "zip", "epk"})
"""What brings a key along, or changes what the rest means. Other names are ignored, as RFC 7515 asks."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is left of a header that was read: the key's name, None where it names none, and its ``typ``."""

    kid: str | None
    typ: str | None


def read(segment: str) -> Header:
    """The header that ``segment`` spells; refuses every algorithm but ES256 and every key that it brings along."""
    if not segment or len(segment) > MAX_SEGMENT_LENGTH:
        raise TokenNotAccepted("header")
    try:
        members = strict_json.parse_object(base64url.decode(segment))
    except ValueError:
        raise TokenNotAccepted("header") from None
    if members.get("alg") != ALGORITHM:
        raise TokenNotAccepted("algorithm")
    if not _FORBIDDEN.isdisjoint(members):
        raise TokenNotAccepted("header")
    typ = members.get("typ")
    if typ is not None and not isinstance(typ, str):
        raise TokenNotAccepted("header")
    return Header(_kid(members), typ)


def _kid(members: dict[str, object]) -> str | None:
    if "kid" not in members:
        return None
    kid = members["kid"]
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise TokenNotAccepted("header")
    return kid
