"""Proves Privy tokens: ES256 alone, by keys given in advance, within the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.adapters.privy import claims, header, jws, linked_accounts
from gatewayz_auth.adapters.privy.jws import Compact
from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.domain.identity import AccessProof, IdentityProof
from gatewayz_auth.reliability.each import each, one

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        return one(self.access_all([Compact(token, MAX_ACCESS_LENGTH)], utc_now_s))

    def access_all(self, tokens: Iterable[Compact], utc_now_s: float) -> list[AccessProof | Exception]:
        """What each access token proves, or why it is refused; every step is taken for all before the next.

        Checking a signature throws all else out of the processor's nearest memory, so that whatever comes after one
        costs twice as much.
        """

        def proof(token: Compact) -> AccessProof:
            said, subject, expires_at_s = self._claims(token, utc_now_s)
            return AccessProof(subject, claims.session_id(said), expires_at_s)

        return each(proof, each(self._held, each(self._opened, tokens)))

    def identity(self, token: str, utc_now_s: float) -> IdentityProof:
        """What the identity token proves; refuses access tokens, which list no accounts."""
        held = self._held(self._opened(Compact(token, MAX_IDENTITY_LENGTH)))
        said, subject, expires_at_s = self._claims(held, utc_now_s)
        return IdentityProof(subject, linked_accounts.read(said.get("linked_accounts")), expires_at_s)

    def _opened(self, token: Compact) -> tuple[Compact, Header, bytes]:
        """The token with its header and its signature, both readable; nothing is proven yet."""
        read = self._headers.get(token.head) or header.read(token.head)
        if read.typ != header.TYPE:
            raise TokenNotAccepted("type")
        return token, read, jws.der_signature(token.tail)

    def _held(self, opened: tuple[Compact, Header, bytes]) -> Compact:
        """The token, whose signature holds."""
        token, read, signature = opened
        keys = self._keys.candidates(read.kid)
        if not jws.is_signed(token.signed, signature, keys):
            self._keys.missed(read.kid)
            raise TokenNotAccepted("signature" if keys else "unknown_key")
        if token.head not in self._headers:
            self._remember(token.head, read)
        return token

    def _claims(self, held: Compact, utc_now_s: float) -> tuple[dict[str, object], str, float]:
        said = claims.read(jws.payload(held.body))
        return said, *claims.check(said, self._app_id, self._issuer, utc_now_s)

    def _remember(self, segment: str, read: Header) -> None:
        """Keep a header that a signature has held for: tokens of one key share it, and no forger can fill this."""
        if len(self._headers) >= MAX_HEADERS_REMEMBERED:
            self._headers.clear()
        self._headers[segment] = read
