"""A nudge from process to process: something changed, read the table of changes now and not at the next turn.

The message says nothing about what changed, so nobody who can write to Redis can make anybody believe anything, and a
message that is lost costs the time to the next turn and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from gatewayz_auth.adapters.redis.connection import client
from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio.client import PubSub

    from gatewayz_auth.reliability.clock import Clock

CHANNEL = "auth:changes"
ANNOUNCE_LIMIT_S = 0.05
LISTEN_LIMIT_S = 1.0
"""Connecting, subscribing and the answer to a question whether Redis is still there have this long each."""

ASK_AFTER_S = 5.0
"""After so many seconds without a message Redis is asked whether it is still there."""


class ChangeNotices:
    """Announces changes and hears of others' announcements; ``on_notice`` is called on the loop and never waits."""

    def __init__(
        self, url: str, on_notice: Callable[[], None], clock: Clock, *, ask_after_s: float = ASK_AFTER_S
    ) -> None:
        """Connect to nothing yet."""
        self._on_notice = on_notice
        self._clock = clock
        self._ask_after_s = ask_after_s
        self._abandoned = Abandoned()
        self._speaking = client(url, limit_s=ANNOUNCE_LIMIT_S, max_connections=1)
        self._listening = client(url, limit_s=LISTEN_LIMIT_S, max_connections=1)

    async def announce(self) -> bool:
        """Tell every process that something changed; False where Redis did not take it within 50 ms."""

        async def work() -> None:
            try:
                await self._speaking.publish(CHANNEL, b"")
            except (RedisError, OSError) as error:
                raise NeighbourUnavailable("redis", type(error).__name__) from error

        try:
            await guarded(
                work,
                limit_s=ANNOUNCE_LIMIT_S,
                operation="announce",
                neighbour="redis",
                clock=self._clock,
                abandoned=self._abandoned,
            )
        except NotKnown:
            return False
        return True

    async def run(self) -> None:
        """Listen until Redis is lost, then raise ``NeighbourUnavailable``; for a supervisor, which starts it again.

        Each start counts as a notice: what was announced while nobody listened was missed.
        """
        pubsub = self._listening.pubsub()
        try:
            await pubsub.subscribe(CHANNEL)
            while True:
                await self._hear(pubsub)
        except (RedisError, OSError) as error:
            raise NeighbourUnavailable("redis", type(error).__name__) from error
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call] # the driver's; it waits LISTEN_LIMIT_S at most

    async def _hear(self, pubsub: PubSub) -> None:
        message = await pubsub.get_message(timeout=self._ask_after_s)
        if message is None:
            await pubsub.ping()
            message = await pubsub.get_message(timeout=LISTEN_LIMIT_S)
            if message is None:
                raise NeighbourUnavailable("redis", "does not answer")
        if message["type"] in {"message", "subscribe"}:
            self._on_notice()

    async def close(self, limit_s: float = 1.0) -> None:
        """Let go of all connections within ``limit_s`` seconds; to be called when ``run`` has been ended."""
        await self._abandoned.close(limit_s / 2)
        closing = Abandoned()
        for connected in (self._speaking, self._listening):
            try:
                await guarded(
                    connected.aclose,
                    limit_s=limit_s / 4,
                    operation="close",
                    neighbour="redis",
                    clock=self._clock,
                    abandoned=closing,
                )
            except (NotKnown, RedisError, OSError):
                continue
