"""Proves Privy tokens: ES256 alone, by keys given in advance, within the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.adapters.privy import claims, header, jws, linked_accounts
from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.domain.identity import AccessProof, IdentityProof

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from gatewayz_auth.adapters.privy.header import Header

REASONS = frozenset(
    {
        "missing",  # no token at all; said by whoever reads requests
        "too_long",
        "malformed",  # not three parts of strict base64url
        "header",  # a header that is not strict JSON, or names what it may not
        "algorithm",
        "type",
        "unknown_key",
        "signature",
        "claims",  # a payload that is not strict JSON, or an instant that is missing or none
        "issuer",
        "audience",
        "subject",
        "session",
        "expired",
        "not_yet_valid",
        "linked_accounts",
        "identity_subject",  # a good identity token of somebody else; said by the use case
    },
)
"""Every word that ``TokenNotAccepted.reason`` can be: a label of a metric, so their number is bounded."""

ISSUER = "privy.io"
MAX_ACCESS_LENGTH = 4096
"""Characters of an access token; Privy's have about 500."""
MAX_IDENTITY_LENGTH = 16384
"""Characters of an identity token, which lists every linked account."""
MAX_HEADERS_REMEMBERED = 64


class Keys(Protocol):
    """The public keys that are known now; no call waits."""

    def candidates(self, kid: str | None) -> tuple[EllipticCurvePublicKey, ...]:
        """The keys that a token which names ``kid`` may be signed by; may be none."""
        ...

    def missed(self, kid: str | None) -> None:
        """Hear that no candidate fitted; ``NotKnown`` where that may be our own doing."""
        ...


class PrivyTokens:
    """Verifies access and identity tokens made by ``issuer`` for ``app_id``; never leaves the process.

    Every refusal is ``TokenNotAccepted`` with one of ``REASONS``. While the keys cannot be learnt and the token may
    be signed by one of them it is ``NotKnown`` instead: nobody is refused for our failure.
    """

    def __init__(self, keys: Keys, app_id: str, issuer: str = ISSUER) -> None:
        self._keys = keys
        self._app_id = app_id
        self._issuer = issuer
        self._headers: dict[str, Header] = {}

    def access(self, token: str, utc_now_s: float) -> AccessProof:
        """What the access token proves; refuses identity tokens, which have no session."""
        said = self._signed_claims(token, MAX_ACCESS_LENGTH)
        subject, expires_at_s = claims.check(said, self._app_id, self._issuer, utc_now_s)
        return AccessProof(subject, claims.session_id(said), expires_at_s)

    def identity(self, token: str, utc_now_s: float) -> IdentityProof:
        """What the identity token proves; refuses access tokens, which list no accounts."""
        said = self._signed_claims(token, MAX_IDENTITY_LENGTH)
        subject, expires_at_s = claims.check(said, self._app_id, self._issuer, utc_now_s)
        return IdentityProof(subject, linked_accounts.read(said.get("linked_accounts")), expires_at_s)

    def _signed_claims(self, token: str, max_length: int) -> dict[str, object]:
        head, body, tail = jws.split(token, max_length)
        read = self._headers.get(head) or header.read(head)
        if read.typ != header.TYPE:
            raise TokenNotAccepted("type")
        signature = jws.der_signature(tail)
        signed = token[: len(head) + 1 + len(body)].encode("ascii")
        keys = self._keys.candidates(read.kid)
        if not jws.is_signed(signed, signature, keys):
            self._keys.missed(read.kid)
            raise TokenNotAccepted("signature" if keys else "unknown_key")
        if head not in self._headers:
            self._remember(head, read)
        return claims.read(jws.payload(body))

    def _remember(self, segment: str, read: Header) -> None:
        """Keep a header that a signature has held for: tokens of one key share it, and no forger can fill this."""
        if len(self._headers) >= MAX_HEADERS_REMEMBERED:
            self._headers.clear()
        self._headers[segment] = read
