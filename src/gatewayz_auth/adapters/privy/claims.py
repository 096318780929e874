"""The claims of a token whose signature holds: whose it is, for whom, until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.adapters.privy import strict_json
from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.domain.identity import is_privy_id

if TYPE_CHECKING:
    from collections.abc import Mapping

LEEWAY_S = 30
"""How far the issuer's clock may be ahead of ours, for ``iat`` and ``nbf``; ``exp`` is kept to the second."""

MAX_SESSION_ID_LENGTH = 256
_LATEST_S = 1 << 53


def read(payload: bytes) -> dict[str, object]:
    """All claims of ``payload``, which must be strict JSON and an object."""
    try:
        return strict_json.parse_object(payload)
    except ValueError:
        raise TokenNotAccepted("claims") from None


def check(claims: Mapping[str, object], app_id: str, issuer: str, utc_now_s: float) -> tuple[str, float]:
    """The subject and ``exp`` (seconds since 1970) of claims made by ``issuer`` for ``app_id`` and valid now."""
    if claims.get("iss") != issuer:
        raise TokenNotAccepted("issuer")
    audience = claims.get("aud")
    if audience != app_id and audience != [app_id]:  # noqa: PLR1714 - a list cannot be a member of a set
        raise TokenNotAccepted("audience")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not is_privy_id(subject):
        raise TokenNotAccepted("subject")
    expires_at_s = _instant(claims.get("exp"))
    if expires_at_s <= utc_now_s:
        raise TokenNotAccepted("expired")
    latest_s = utc_now_s + LEEWAY_S
    if ("iat" in claims and _instant(claims["iat"]) > latest_s) or (
        "nbf" in claims and _instant(claims["nbf"]) > latest_s
    ):
        raise TokenNotAccepted("not_yet_valid")
    return subject, float(expires_at_s)


def session_id(claims: Mapping[str, object]) -> str:
    """The session that the token belongs to; an identity token has none and is refused here."""
    session = claims.get("sid")
    if not isinstance(session, str) or not 0 < len(session) <= MAX_SESSION_ID_LENGTH:
        raise TokenNotAccepted("session")
    return session


def _instant(value: object) -> int:
    if type(value) is not int or not 0 <= value < _LATEST_S:  # a bool is an int to isinstance, and no instant to us
        raise TokenNotAccepted("claims")
    return value
