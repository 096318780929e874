"""Who is asked to slow down: an identity that signs in without end, an address that guesses."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from gatewayz_auth.domain.errors import RateLimited, SubjectMismatch, TokenNotAccepted
from gatewayz_auth.reliability.client_address import client_address, is_trusted
from gatewayz_auth.reliability.rate_limit import Rate, RateLimiter
from gatewayz_auth.web.access import FORWARDING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewayz_auth.reliability.client_address import Network

SIGN_INS_BY_IDENTITY = Rate(per_second=10.0, burst=200)
"""A person in ten tabs does not get near it; a program gone wild is stopped before it fills a queue."""

GUESSES_BY_ADDRESS = Rate(per_second=2.0, burst=200)
"""An office whose front end sends nonsense for a minute is told 401 as it should be; a guesser soon is told 429."""

_HONEST = frozenset(
    (
        "missing",
        "claims",
        "issuer",
        "audience",
        "subject",
        "session",
        "expired",
        "not_yet_valid",
        "linked_accounts",
        "identity_subject",
    )
)
"""Why a token may be refused that nobody has made up: there is none, or Privy has signed it."""

_MAX_BALANCERS = 1000

_UNNAMED = (
    "Requests come with forwarding headers from an address that TRUSTED_PROXIES does not name: they are not believed, "
    "and nobody is limited by address. Name the balancer's network there."
)


def _warn(message: str) -> None:
    logging.getLogger("gatewayz_auth.web").warning(message)


class RateLimits:
    """Limits of one process, in bounded memory; a microsecond for a good sign-in.

    An identity is counted once it is proven, so that nobody is locked out by those who merely name them. An address is
    counted by its guesses alone, and refused only for further guesses: whoever brings a good token is heard, whoever
    shares their address.
    """

    def __init__(
        self,
        trusted_proxies: tuple[Network, ...] = (),
        *,
        by_identity: Rate = SIGN_INS_BY_IDENTITY,
        by_address: Rate = GUESSES_BY_ADDRESS,
        warn: Callable[[str], None] = _warn,
    ) -> None:
        """Remember nobody yet; ``warn`` hears once of forwarding headers that somebody unknown sends."""
        self._trusted = trusted_proxies
        self._identities = RateLimiter(by_identity)
        self._addresses = RateLimiter(by_address)
        self._warn = warn
        self._is_warned = False
        self._balancers: set[str | None] = set()
        self.is_on = True
        """Assigned, where it changes meanwhile; off, nobody's guesses are counted."""

    @property
    def remembered(self) -> int:
        """Identities and addresses that are remembered."""
        return len(self._identities) + len(self._addresses)

    def admit(self, privy_user_id: str, now_s: float) -> None:
        """Count one sign-in of the proven ``privy_user_id``; ``RateLimited`` where there were too many."""
        wait_s = self._identities.retry_in_s(privy_user_id, now_s)
        if wait_s > 0:
            raise RateLimited(math.ceil(wait_s))

    def look(self, client: tuple[str, int] | None, headers: Mapping[bytes, bytes]) -> None:
        """Warn, once, where ``client`` forwards for others and nobody has named it."""
        if self._is_warned or FORWARDING.isdisjoint(headers):
            return
        host = _host(client)
        if host in self._balancers:
            return
        if not is_trusted(host, self._trusted):
            self._is_warned = True
            self._warn(_UNNAMED)
        elif len(self._balancers) < _MAX_BALANCERS:
            self._balancers.add(host)

    def weigh(
        self, error: BaseException, client: tuple[str, int] | None, headers: Mapping[bytes, bytes], now_s: float
    ) -> BaseException:
        """What to tell a caller who got ``error``: it, or ``RateLimited`` where their address has guessed too often."""
        is_guess = error.reason not in _HONEST if isinstance(error, TokenNotAccepted) else _is_probing(error)
        return (self.guessed(client, headers, now_s) or error) if is_guess else error

    def guessed(
        self, client: tuple[str, int] | None, headers: Mapping[bytes, bytes], now_s: float
    ) -> RateLimited | None:
        """Count one guess against the address it came from; what to tell it where there were too many."""
        if not self.is_on:
            return None
        host = _host(client)
        forwarded_for = headers.get(b"x-forwarded-for")
        if forwarded_for is None and not FORWARDING.isdisjoint(headers) and not is_trusted(host, self._trusted):
            return None  # forwarded in words that say less: all people may be this one address
        address = client_address(host, forwarded_for.decode("latin-1") if forwarded_for else None, self._trusted)
        if address is None:
            return None
        wait_s = self._addresses.retry_in_s(address, now_s)
        return RateLimited(math.ceil(wait_s)) if wait_s > 0 else None


def _is_probing(error: BaseException) -> bool:
    return isinstance(error, SubjectMismatch)


def _host(client: tuple[str, int] | None) -> str | None:
    return client[0] if client else None
