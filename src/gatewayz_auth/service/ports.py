"""What the use cases need from the world, as protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from gatewayz_auth.domain.cached_person import CachedPerson
    from gatewayz_auth.domain.identity import AccessProof, IdentityProof
    from gatewayz_auth.domain.sign_in import FindOrMake, Found, NewKey, NotFound, StoredKey
    from gatewayz_auth.domain.users import Account
    from gatewayz_auth.reliability.deadline import Deadline


Span = tuple[float, float]
"""From when until when, both included, in UTC seconds; nothing where it ends before it begins."""


class TokenVerifier(Protocol):
    """Proves tokens within the process: no call of this port ever waits for a network or a lock."""

    def access_all(self, tokens: Sequence[str], utc_now_s: float) -> list[AccessProof | Exception]:
        """What each access token proves, in their order, or why it does not: ``TokenNotAccepted`` or ``NotKnown``."""
        ...

    def identity(self, token: str, utc_now_s: float) -> IdentityProof:
        """What the identity token proves, or ``TokenNotAccepted``."""
        ...


class Accounts(Protocol):
    """The database, as the sign-in sees it: one call, one round trip."""

    async def find_or_make(self, wanted: FindOrMake, deadline: Deadline) -> Found | NotFound:
        """The account and its key, found or made; ``NotFound`` where it may not be made; else ``NotKnown``, in time."""
        ...


class KeyVault(Protocol):
    """Makes API keys and opens their sealed copies; in-process and fast (tens of microseconds)."""

    def mint(self, environment_tag: str) -> NewKey:
        """A fresh key of the tag, sealed with the newest secret."""
        ...

    def open(self, key: StoredKey, user_id: int) -> str:
        """The key in clear, or ``NotKnown`` where it was altered, moved to another row or owner, or is foreign."""
        ...


class SharedCache(Protocol):
    """What processes share: an accelerator that is not trusted. No call raises, each is bounded to some 50 ms."""

    async def get(self, privy_id: str) -> CachedPerson | None:
        """Whatever is remembered of the person, fresh or last known good; None for anything that is not in order."""
        ...

    async def put(self, person: CachedPerson) -> bool:
        """Remember ``person``, for its time to live and as last known good; True when done or not to be done."""
        ...

    async def forget(self, privy_id: str, username: str | None, *, also_last_known_good: bool) -> bool:
        """Drop what is remembered, the last known good only where the change takes something away; True when done."""
        ...

    async def forget_everything(self, below: float, asked: Span) -> bool:
        """Drop what has not seen the change ``below`` (infinite: all that we keep there), of whomever; True if done.

        And what was ``asked`` for within that time.
        """
        ...


class Observer(Protocol):
    """Hears what the sign-in does on its way; never waits, never raises."""

    def cache_asked(self, tier: str, result: str) -> None:
        """``tier`` is ``process`` or ``redis``; ``result`` is ``hit``, ``miss``, ``stale`` or ``error``."""
        ...

    def database_asked(self) -> None:
        """Nothing fresh is remembered of the person who signs in: the database is being asked."""
        ...

    def lookup_timed_out(self, limit_s: float) -> None:
        """The database did not answer within ``limit_s`` seconds, the limit that applied."""
        ...


class Render(Protocol):
    """How an answer is written: everything of it but its time stamp."""

    def __call__(self, account: Account, api_key: str | None, *, is_new: bool) -> bytes:
        """Write the answer of ``account``; a pure function."""
        ...


class Gate(Protocol):
    """The circuit breaker and the queue in front of the database, as a waiter sees them."""

    def check(self, *, can_wait: bool = False) -> None:
        """Raise ``NeighbourUnavailable`` where the database is not asked at present, ``Overloaded`` where all wait.

        Or where those wait who can: ``can_wait`` is said of a question for which there is an answer already.
        """
        ...

    def opening(self) -> asyncio.Future[None]:
        """Done when it opens: nobody waits on then."""
        ...

    def expired(self, waited_s: float, limit_s: float, worked_s: float) -> None:
        """Hear that a waiter's patience of ``limit_s`` seconds ended, while the call goes on and we were busy too."""
        ...
