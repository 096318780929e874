"""Whether a neighbour that is away refuses us or says nothing: what the last probe of it met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.domain.errors import NeighbourUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class LastProbe:
    """Passes ``probe`` on; ``refuses`` says how the last one failed."""

    def __init__(self, probe: Callable[[], Awaitable[object]]) -> None:
        """Probe nothing yet."""
        self._probe = probe
        self._is_refused = False

    def refuses(self) -> bool:
        """Whether the last probe was turned away, rather than left without an answer."""
        return self._is_refused

    async def __call__(self) -> object:
        """What the probe answers or raises."""
        is_refused = False
        try:
            return await self._probe()
        except NeighbourUnavailable as error:
            is_refused = "did not answer" not in str(error)  # libpq's own limit: nobody was there to refuse
            raise
        finally:
            self._is_refused = is_refused
