"""Plain dictionaries in Redis for programs that import the library: sealed like people, and never an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.adapters.redis.codec import MAX_VALUE_BYTES
from gatewayz_auth.adapters.redis.connection import DRIVER_ERRORS, client
from gatewayz_auth.adapters.redis.plain_values import from_json, to_json
from gatewayz_auth.adapters.redis.sealing import OVERHEAD_BYTES
from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown
from gatewayz_auth.domain.freshness import shortened
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from gatewayz_auth.adapters.redis.sealing import Sealer
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy

MAX_CONNECTIONS = 8
_FAILURES_UNTIL_QUIET = 5
_QUIET_S = 0.25


class PlainCache:
    """Keeps dictionaries under whole keys; each call waits ``limit_s`` seconds at most.

    After five failures in a row Redis is asked once in a quarter of a second only, so that a dead one does not cost
    every caller the whole wait.
    """

    def __init__(self, url: str, sealer: Sealer, clock: Clock, entropy: Entropy, *, limit_s: float) -> None:
        """Compose it of its parts; it connects when first used. ``ValueError`` where ``url`` is none."""
        self._redis = client(url, limit_s=limit_s, max_connections=MAX_CONNECTIONS)
        self._sealer = sealer
        self._clock = clock
        self._entropy = entropy
        self._limit_s = limit_s
        self._abandoned = Abandoned()
        self._failures = 0
        self._quiet_until_s = 0.0

    async def _ask(self, *command: Any) -> Any:  # noqa: ANN401 - the driver's own replies
        if self._failures >= _FAILURES_UNTIL_QUIET:
            now_s = self._clock.monotonic_s()
            if now_s < self._quiet_until_s:
                raise NeighbourUnavailable("redis", "not asked at present")
            self._quiet_until_s = now_s + _QUIET_S

        async def work() -> Any:  # noqa: ANN401 - the driver's own replies
            try:
                return await self._redis.execute_command(*command)  # type: ignore[no-untyped-call] # the driver's
            except DRIVER_ERRORS as error:
                raise NeighbourUnavailable("redis", type(error).__name__) from error

        try:
            reply = await guarded(
                work,
                limit_s=self._limit_s,
                operation=command[0],
                neighbour="redis",
                clock=self._clock,
                abandoned=self._abandoned,
            )
        except NotKnown:
            self._failures += 1
            raise
        self._failures = 0
        return reply

    async def get(self, key: str) -> dict[str, Any] | None:
        """What was put at ``key``; None for anything that is not in order, and where Redis does not answer."""
        try:
            value = await self._ask("GETRANGE", key, 0, MAX_VALUE_BYTES)
        except NotKnown:
            return None
        if not isinstance(value, bytes) or len(value) > MAX_VALUE_BYTES:
            return None
        content = self._sealer.open(key, value)
        if content is None:
            return None
        try:
            plain = from_json(content)
        except (ValueError, TypeError, ArithmeticError):
            return None
        return plain if isinstance(plain, dict) else None

    async def put(self, key: str, plain: dict[str, Any], ttl_s: float) -> bool:
        """Keep ``plain`` at ``key`` for ``ttl_s`` seconds, less a jitter; whether it was done."""
        try:
            content = to_json(plain)
        except (ValueError, TypeError, RecursionError):
            return False
        lives_ms = int(shortened(ttl_s, self._entropy.fraction()) * 1000)
        if lives_ms <= 0 or len(content) + OVERHEAD_BYTES > MAX_VALUE_BYTES:
            return False
        try:
            await self._ask("SET", key, self._sealer.seal(key, content), "PX", lives_ms)
        except NotKnown:
            return False
        return True

    async def drop(self, *keys: str) -> bool:
        """Drop whatever stands at ``keys``; whether Redis said so."""
        try:
            await self._ask("DEL", *keys)
        except NotKnown:
            return False
        return True

    async def close(self) -> None:
        """Let go of all connections."""
        await self._redis.aclose()
