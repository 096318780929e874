"""Remembers which tokens have been verified, so that a repeated one costs a look instead of a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from gatewayz_auth.adapters.privy.jws import Compact
from gatewayz_auth.adapters.privy.tokens import MAX_ACCESS_LENGTH, MAX_IDENTITY_LENGTH
from gatewayz_auth.domain.identity import AccessProof, IdentityProof
from gatewayz_auth.reliability.each import each, one

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ENTRIES = 16384
"""Proofs of each kind that are kept at most, and never less than half of it once there were: some 8 MB."""

Proof = TypeVar("Proof", AccessProof, IdentityProof)


class Generation(Protocol):
    """Something that says when the signing keys have changed."""

    @property
    def generation(self) -> int:
        """Rises with every change of the keys."""
        ...


class Verifier(Protocol):
    """What proves tokens that have not been seen before."""

    def access_all(self, tokens: Sequence[Compact], utc_now_s: float) -> list[AccessProof | Exception]:
        """What each access token proves, in their order, or why it is refused."""
        ...

    def identity(self, token: str, utc_now_s: float) -> IdentityProof:
        """What the identity token proves."""
        ...


class _Memory(Generic[Proof]):
    """Proofs of one kind by the digest of their token, in two halves: when the newer is full, the older one goes.

    Putting one in is one step so, where a table in order of age takes three.
    """

    __slots__ = ("_half", "newer", "older")

    def __init__(self, max_entries: int) -> None:
        self._half = max_entries // 2
        self.newer: dict[bytes, Proof] = {}
        self.older: dict[bytes, Proof] = {}

    def __len__(self) -> int:
        return len(self.newer) + len(self.older)

    def get(self, name: bytes, utc_now_s: float) -> Proof | None:
        proof = self.newer.get(name) or self.older.get(name)
        if proof is None or proof.expires_at_s > utc_now_s:
            return proof
        self.newer.pop(name, None)
        self.older.pop(name, None)
        return None

    def put(self, name: bytes, proof: Proof) -> None:
        if len(self.newer) >= self._half:
            self.older, self.newer = self.newer, {}
        self.newer[name] = proof

    def clear(self) -> None:
        self.newer, self.older = {}, {}


class VerifiedTokens:
    """A verifier that asks ``verifier`` once a token and then remembers: successes alone, ``max_entries`` of each kind.

    ``max_entries`` is 2 or more. ``exp`` is checked on every hit, everything is forgotten when ``keys.generation``
    changes, and an identity token is never found as an access token. Tokens are kept as SHA-256 digests, never in
    clear.
    """

    def __init__(self, verifier: Verifier, keys: Generation, max_entries: int = MAX_ENTRIES) -> None:
        self._verifier = verifier
        self._keys = keys
        self._generation = keys.generation
        self._access: _Memory[AccessProof] = _Memory(max_entries)
        self._identity: _Memory[IdentityProof] = _Memory(max_entries)

    @property
    def entries(self) -> int:
        """How many proofs are kept."""
        return len(self._access) + len(self._identity)

    def access(self, token: str, utc_now_s: float) -> AccessProof:
        """What the access token proves, or whatever the verifier raises."""
        return one(self.access_all([token], utc_now_s))

    def access_all(self, tokens: Sequence[str], utc_now_s: float) -> list[AccessProof | Exception]:
        """What each access token proves, or why it is refused: those not seen before are verified all together."""
        if self._keys.generation != self._generation:
            self._forget_old_keys()
        memory = self._access
        unseen: list[Compact] = []
        known: list[AccessProof | Exception | None] = []
        for token in each(_access_token, tokens):
            if isinstance(token, Exception):
                known.append(token)
                continue
            remembered = memory.get(token.name, utc_now_s)
            known.append(remembered)
            if remembered is None:
                unseen.append(token)
        proofs = self._verifier.access_all(unseen, utc_now_s) if unseen else []
        for verified, proof in zip(unseen, proofs, strict=True):
            if not isinstance(proof, Exception):
                memory.put(verified.name, proof)
        proven = iter(proofs)
        return [next(proven) if proof is None else proof for proof in known]

    def identity(self, token: str, utc_now_s: float) -> IdentityProof:
        """What the identity token proves, or whatever the verifier raises."""
        if self._keys.generation != self._generation:
            self._forget_old_keys()
        name = Compact(token, MAX_IDENTITY_LENGTH).name
        proof = self._identity.get(name, utc_now_s)
        if proof is None:
            proof = self._verifier.identity(token, utc_now_s)
            self._identity.put(name, proof)
        return proof

    def _forget_old_keys(self) -> None:
        self._generation = self._keys.generation
        self._access.clear()
        self._identity.clear()


def _access_token(token: str) -> Compact:
    return Compact(token, MAX_ACCESS_LENGTH)
