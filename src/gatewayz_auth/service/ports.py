"""What the use cases need from the world, as protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gatewayz_auth.domain.identity import AccessProof, IdentityProof
    from gatewayz_auth.domain.sign_in import FindOrMake, Found, NewKey, NotFound, StoredKey
    from gatewayz_auth.reliability.deadline import Deadline


class TokenVerifier(Protocol):
    """Proves tokens within the process: no call of this port ever waits for a network or a lock."""

    def access(self, token: str, utc_now_s: float) -> AccessProof:
        """What the access token proves, or ``TokenNotAccepted``."""
        ...

    def identity(self, token: str, utc_now_s: float) -> IdentityProof:
        """What the identity token proves, or ``TokenNotAccepted``."""
        ...


class Accounts(Protocol):
    """The database, as the sign-in sees it: one call, one round trip."""

    async def find_or_make(self, wanted: FindOrMake, deadline: Deadline) -> Found | NotFound:
        """The account and its key, found or made; ``NotFound`` where it may not be made; ``NotKnown`` raised in time."""
        ...


class KeyVault(Protocol):
    """Makes API keys and opens their sealed copies; in-process and fast (tens of microseconds)."""

    def mint(self, environment_tag: str) -> NewKey:
        """A fresh key of the tag, sealed with the newest secret."""
        ...

    def open(self, key: StoredKey, user_id: int) -> str:
        """The key in clear, or ``NotKnown`` where it was altered, moved to another row or owner, or is foreign."""
        ...
