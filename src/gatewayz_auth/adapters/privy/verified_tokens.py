"""Remembers which tokens have been verified, so that a repeated one costs a look instead of a signature."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from gatewayz_auth.adapters.privy.tokens import MAX_ACCESS_LENGTH, MAX_IDENTITY_LENGTH
from gatewayz_auth.domain.identity import AccessProof, IdentityProof

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.service.ports import TokenVerifier

MAX_ENTRIES = 16384
"""Proofs of each kind that are kept: about 8 MB of them, one for each person who signs in again within an hour."""

Proof = TypeVar("Proof", AccessProof, IdentityProof)


class Generation(Protocol):
    """Something that says when the signing keys have changed."""

    @property
    def generation(self) -> int:
        """Rises with every change of the keys."""
        ...


class _Memory(Generic[Proof]):
    """Proofs of one kind by the digest of their token; the oldest goes first."""

    def __init__(self, max_entries: int, max_length: int) -> None:
        self._max_entries = max_entries
        self._max_length = max_length
        self.proofs: OrderedDict[bytes, Proof] = OrderedDict()

    def proof(self, token: str, utc_now_s: float, verify: Callable[[str, float], Proof]) -> Proof:
        if len(token) > self._max_length or not token.isascii():
            return verify(token, utc_now_s)
        digest = hashlib.sha256(token.encode("ascii")).digest()
        known = self.proofs.get(digest)
        if known is not None:
            if known.expires_at_s > utc_now_s:
                return known
            del self.proofs[digest]
        proof = verify(token, utc_now_s)
        if len(self.proofs) >= self._max_entries:
            self.proofs.popitem(last=False)
        self.proofs[digest] = proof
        return proof


class VerifiedTokens:
    """A verifier that asks ``verifier`` once a token and then remembers: successes alone, ``max_entries`` of each kind.

    ``exp`` is checked on every hit, everything is forgotten when ``keys.generation`` changes, and an identity token is
    never found as an access token. Tokens are kept as SHA-256 digests, never in clear.
    """

    def __init__(self, verifier: TokenVerifier, keys: Generation, max_entries: int = MAX_ENTRIES) -> None:
        self._verifier = verifier
        self._keys = keys
        self._generation = keys.generation
        self._access: _Memory[AccessProof] = _Memory(max_entries, MAX_ACCESS_LENGTH)
        self._identity: _Memory[IdentityProof] = _Memory(max_entries, MAX_IDENTITY_LENGTH)

    @property
    def entries(self) -> int:
        """How many proofs are kept."""
        return len(self._access.proofs) + len(self._identity.proofs)

    def access(self, token: str, utc_now_s: float) -> AccessProof:
        """What the access token proves, or whatever the verifier raises."""
        if self._keys.generation != self._generation:
            self._forget_old_keys()
        return self._access.proof(token, utc_now_s, self._verifier.access)

    def identity(self, token: str, utc_now_s: float) -> IdentityProof:
        """What the identity token proves, or whatever the verifier raises."""
        if self._keys.generation != self._generation:
            self._forget_old_keys()
        return self._identity.proof(token, utc_now_s, self._verifier.identity)

    def _forget_old_keys(self) -> None:
        self._generation = self._keys.generation
        self._access.proofs.clear()
        self._identity.proofs.clear()
