"""Asks Redis now and then by the callers' own way, so that its breaker knows how it is though nobody signs in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gatewayz_auth.reliability.breaker_machine import Phase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker

EVERY_S = 1.0
AGAIN_S = 0.1
"""After a question without an answer: three of them open the breaker, and a dead Redis is known within 2 s."""


class Heartbeat:
    """Asks while ``breaker`` is closed; once it is open its prober does.

    Health, the console and the metrics read the breaker, and it hears of nothing but calls: without callers it would
    say of a Redis that has been dead for hours that it answers.
    """

    __slots__ = ("_breaker", "_ping")

    def __init__(self, ping: Callable[[], Awaitable[bool]], breaker: CircuitBreaker) -> None:
        """Ask by ``ping``, which goes through ``breaker`` and answers whether Redis did, within its own limit."""
        self._ping = ping
        self._breaker = breaker

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            is_well = self._breaker.phase is not Phase.CLOSED or await self._ping()
            await asyncio.sleep(EVERY_S if is_well else AGAIN_S)
