"""Asks an open breaker's neighbour in the background, so that no caller has to."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from gatewayz_auth.reliability.breaker_machine import Phase
from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.reliability.abandoned import Abandoned
    from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.facts import BreakerChanged

INTERVAL_S = 0.5
PROBE_LIMIT_S = 1.0
RENEWAL_LIMIT_S = 5.0


class Prober:
    """While the breaker is open: a probe every ``interval_s``, ``probe_limit_s`` each, on a connection of its own.

    After a good probe ``on_good_probe`` makes what callers will use (a new pool, filled), within ``renewal_limit_s``.
    Then ``question`` (the probe again, where there is none) is asked over that, and how long it takes is the pace that
    the breaker learns: the first probe also connects, and may have begun while the neighbour was still silent. All
    three may fail in any way: the next probe follows. While the breaker is half-open and no caller asks, the question
    is asked with a permit as theirs would be; while it is closed nothing is asked.
    """

    __slots__ = (
        "_abandoned",
        "_breaker",
        "_clock",
        "_interval_s",
        "_is_open",
        "_on_good_probe",
        "_probe",
        "_probe_limit_s",
        "_question",
        "_renewal_limit_s",
    )

    def __init__(  # noqa: PLR0913 - keywords that each say one thing
        self,
        breaker: CircuitBreaker,
        probe: Callable[[], Awaitable[object]],
        *,
        clock: Clock,
        abandoned: Abandoned,
        on_good_probe: Callable[[], Awaitable[object]] | None = None,
        question: Callable[[], Awaitable[object]] | None = None,
        interval_s: float = INTERVAL_S,
        probe_limit_s: float = PROBE_LIMIT_S,
        renewal_limit_s: float = RENEWAL_LIMIT_S,
    ) -> None:
        """Listen to ``breaker``; ``run`` does the work and belongs under a ``Supervisor``."""
        self._breaker = breaker
        self._probe = probe
        self._on_good_probe = on_good_probe
        self._question = question or probe
        self._clock = clock
        self._abandoned = abandoned
        self._interval_s = interval_s
        self._probe_limit_s = probe_limit_s
        self._renewal_limit_s = renewal_limit_s
        self._is_open = asyncio.Event()
        breaker.subscribe(self._changed)

    def _changed(self, fact: BreakerChanged) -> None:
        if fact.after == Phase.OPEN:
            self._is_open.set()
        else:
            self._is_open.clear()

    async def run(self) -> None:
        """Probe for ever, whenever the breaker is open."""
        while True:
            await self._is_open.wait()
            began_s = self._clock.monotonic_s()
            if await self._ask():
                await self._lead()
            else:
                self._breaker.probe_bad()
            # A wait of its own, and not what is left of the interval: a half-open phase may end open at once.
            await asyncio.sleep(max(self._interval_s / 5, self._interval_s - (self._clock.monotonic_s() - began_s)))

    async def _ask(self) -> bool:
        if not await self._is_good(self._probe, self._probe_limit_s, "probe"):
            return False
        if self._on_good_probe is not None:
            self._breaker.probe_bad()  # not usable yet, but heard of: this keeps callers from probing meanwhile
            if not await self._is_good(self._on_good_probe, self._renewal_limit_s, "renewal"):
                return False
        began_s = self._clock.monotonic_s()
        if not await self._is_good(self._question, self._probe_limit_s, "question"):
            return False
        self._breaker.probe_good(self._clock.monotonic_s() - began_s)
        return True

    async def _lead(self) -> None:
        """While it is half-open and no caller asks: ask in their place, so that answers close it though nobody comes.

        Each question waits for a caller first: theirs is the better one.
        """
        breaker = self._breaker
        while breaker.phase is Phase.HALF_OPEN:
            await asyncio.sleep(self._interval_s / 5)
            if breaker.phase is Phase.HALF_OPEN and not breaker.state.running:
                with contextlib.suppress(Exception), breaker.permit():  # the permit has heard it: open, and probed
                    await self._guarded(self._question, self._probe_limit_s, "question")

    async def _is_good(self, work: Callable[[], Awaitable[object]], limit_s: float, operation: str) -> bool:
        try:
            await self._guarded(work, limit_s, operation)
        except Exception:  # noqa: BLE001 - a driver's own error as well: not usable, and the next probe follows
            return False
        return True

    async def _guarded(self, work: Callable[[], Awaitable[object]], limit_s: float, operation: str) -> None:
        await guarded(
            work,
            limit_s=limit_s,
            operation=operation,
            neighbour=self._breaker.neighbour,
            clock=self._clock,
            abandoned=self._abandoned,
        )
