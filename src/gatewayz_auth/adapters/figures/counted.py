"""What the sign-in says of itself on its way: counted, and written where it is worth a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayz_auth.adapters.figures.figures import Figures
    from gatewayz_auth.service.ports import Observer


class Counted:
    """``ports.Observer`` that counts and passes on to ``rest``."""

    def __init__(self, figures: Figures, rest: Observer) -> None:
        """Count in ``figures``."""
        self._figures = figures
        self._rest = rest

    def cache_asked(self, tier: str, result: str) -> None:
        """Count it."""
        self._figures.count("cache_requests_total", tier, result)
        self._rest.cache_asked(tier, result)

    def database_asked(self) -> None:
        """Pass it on: the answer's source is what is counted."""
        self._rest.database_asked()

    def lookup_timed_out(self, limit_s: float) -> None:
        """Count a caller whose patience ended while the call goes on for others, and pass it on."""
        self._figures.count("query_timeouts_total", "postgres", "look up by Privy id")
        self._rest.lookup_timed_out(limit_s)
