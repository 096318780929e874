"""The cache that processes share: an accelerator that is not trusted and that nobody waits for."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from redis.exceptions import ResponseError

from gatewayz_auth.adapters.redis.batch import ReadBatch
from gatewayz_auth.adapters.redis.clearing import PREFIX
from gatewayz_auth.adapters.redis.codec import (
    API_KEY_PREFIX,
    LAST_KNOWN_GOOD_PREFIX,
    MAX_VALUE_BYTES,
    api_key_key,
    is_text,
    last_known_good_key,
    privy_id_key,
    username_key,
)
from gatewayz_auth.adapters.redis.connection import DRIVER_ERRORS, client
from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown
from gatewayz_auth.domain.freshness import MAX_CLOCK_SKEW_S, shortened
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gatewayz_auth.adapters.redis.codec import Codec
    from gatewayz_auth.domain.cached_person import CachedPerson
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy

T = TypeVar("T")

NEIGHBOUR = "redis"
LIMIT_S = 0.05
"""No call waits longer for Redis, connecting included."""

MAX_CONNECTIONS = 8
"""Connections of one process; Redis answers one after another anyway."""

STEP_TRIES, STEP_PAUSE_S = 5, 0.1
"""How often a step of many is tried, and how long is waited in between; nobody waits for these."""

SWEPT_AT_ONCE = 500
READ_AT_ONCE, READ_PAUSE_S = 100, 0.02
"""Keys of one step; where each is to be opened, they are some milliseconds' work, and callers come between."""


class Guard(Protocol):
    """Calls ``work`` within a limit: its answer, or ``NotKnown``; where a circuit breaker comes in."""

    async def __call__(self, work: Callable[[], Awaitable[T]], operation: str) -> T:
        """Call ``work``, named ``operation``; ``NotKnown`` where it is not asked or does not answer in time."""
        ...


class RedisCache:
    """Remembers people in Redis. Reading answers a person or None, writing whether it was done; neither ever raises.

    A value that was altered, copied, written by another version or of another type, that is too long or that belongs
    to somebody else is a miss. Nothing connects before the first call. ``on_error`` hears of each read that Redis did
    not answer in time. Whether a change has overtaken a value is for ``service.auth_cache`` to say.
    """

    def __init__(  # noqa: PLR0913 - the parts it is made of, in reading order
        self,
        url: str,
        codec: Codec,
        clock: Clock,
        entropy: Entropy,
        *,
        ttl_s: float,
        last_known_good_max_age_s: float,
        limit_s: float = LIMIT_S,
        max_connections: int = MAX_CONNECTIONS,
        abandoned: Abandoned | None = None,
        guard: Guard | None = None,
        on_error: Callable[[], None] | None = None,
    ) -> None:
        """Compose it of its parts; ``ttl_s`` and ``last_known_good_max_age_s`` may be assigned later, 0 is off."""
        self.ttl_s = ttl_s
        self.last_known_good_max_age_s = last_known_good_max_age_s
        self._redis = client(url, limit_s=limit_s, max_connections=max_connections)
        self._codec = codec
        self._clock = clock
        self._entropy = entropy
        self._limit_s = limit_s
        self._abandoned = abandoned or Abandoned()
        self._owns_abandoned = abandoned is None
        self._guard: Guard = guard or self._guarded
        self._on_error = on_error or (lambda: None)
        self._reads = ReadBatch(self._read_all, limit_s)
        self._looked_until: Any = 0

    async def _guarded(self, work: Callable[[], Awaitable[T]], operation: str) -> T:
        return await guarded(
            work,
            limit_s=self._limit_s,
            operation=operation,
            neighbour=NEIGHBOUR,
            clock=self._clock,
            abandoned=self._abandoned,
        )

    async def _ask(self, operation: str, *commands: Sequence[Any]) -> list[Any]:
        """The replies to ``commands``, an error reply in its place; ``NotKnown`` where there is no reply in time."""

        async def work() -> list[Any]:
            try:
                async with self._redis.pipeline(transaction=False) as pipe:
                    for command in commands:
                        pipe.execute_command(*command)
                    return await pipe.execute(raise_on_error=False)
            except DRIVER_ERRORS as error:
                raise NeighbourUnavailable(NEIGHBOUR, type(error).__name__) from error

        return await self._guard(work, operation)

    def _within(self, person: CachedPerson | None, max_age_s: float) -> CachedPerson | None:
        """The person while not older than ``max_age_s``: a lifetime in Redis may have been prolonged by others."""
        if person is None:
            return None
        age_s = self._clock.utc_now_s() - person.as_of_s
        return person if -MAX_CLOCK_SKEW_S <= age_s < max_age_s else None

    async def _read_all(self, keys: Sequence[str]) -> list[Any]:
        """What stands at ``keys``, at most ``MAX_VALUE_BYTES`` and one of each; an error reply is no value."""
        return await self._ask("read", *(("GETRANGE", key, 0, MAX_VALUE_BYTES) for key in keys))

    async def _read(self, *keys: str) -> list[Any]:
        try:
            return await self._reads.values(*keys)
        except NotKnown:
            self._on_error()
            return [None] * len(keys)

    async def get(self, privy_id: str) -> CachedPerson | None:
        """Read the answer of ``privy_id``: the fresh one, else the last known good one; its age tells which."""
        if not self.ttl_s > 0:
            return None
        fresh_key, good_key = privy_id_key(privy_id), last_known_good_key(privy_id)
        fresh, good = await self._read(fresh_key, good_key)
        person = self._codec.decode_for_privy_id(fresh_key, fresh, privy_id)
        if (person := self._within(person, self.ttl_s)) is not None:
            return person
        person = self._codec.decode_for_privy_id(good_key, good, privy_id)
        return self._within(person, self.last_known_good_max_age_s)

    async def get_last_known_good(self, privy_id: str) -> CachedPerson | None:
        """Read the last known good answer of ``privy_id``, at most ``last_known_good_max_age_s`` old."""
        if not self.ttl_s > 0:
            return None
        key = last_known_good_key(privy_id)
        (value,) = await self._read(key)
        return self._within(self._codec.decode_for_privy_id(key, value, privy_id), self.last_known_good_max_age_s)

    async def get_by_username(self, username: str) -> CachedPerson | None:
        """Read the fresh answer of whoever is called ``username``."""
        if not self.ttl_s > 0 or not is_text(username):
            return None
        key = username_key(username)
        (value,) = await self._read(key)
        return self._within(self._codec.decode_for_username(key, value, username), self.ttl_s)

    def _set(self, key: str, person: CachedPerson, lifetime_s: float) -> tuple[Any, ...] | None:
        left_s = lifetime_s - person.age_s(self._clock.utc_now_s())
        left_ms = int(shortened(left_s, self._entropy.fraction()) * 1000)
        value = self._codec.encode(key, person) if left_ms > 0 else None
        return None if value is None else ("SET", key, value, "PX", left_ms)

    async def _write(self, operation: str, *commands: tuple[Any, ...] | None) -> bool:
        wanted = [command for command in commands if command is not None]
        if not wanted:
            return False
        try:
            replies = await self._ask(operation, *wanted)
        except NotKnown:
            return False
        return not any(isinstance(reply, ResponseError) for reply in replies)

    async def put(self, person: CachedPerson) -> bool:
        """Keep the person as ``store`` does; False only where it is worth trying again."""
        commands = self._commands(person)
        return not commands or await self._write("put", *commands)

    async def store(self, person: CachedPerson) -> bool:
        """Keep the person under Privy id and username for what is left of ``ttl_s``, and as last known good.

        The jitter only shortens. False, and nothing written, for a person without a Privy id or while caching is off.
        """
        return await self._write("put", *self._commands(person))

    def _commands(self, person: CachedPerson) -> list[tuple[Any, ...]]:
        privy_id = person.account.privy_user_id
        if privy_id is None or not self.ttl_s > 0:
            return []
        commands = (
            self._set(privy_id_key(privy_id), person, self.ttl_s),
            self._set(username_key(person.account.username), person, self.ttl_s),
            self._set(last_known_good_key(privy_id), person, self.last_known_good_max_age_s),
        )
        return [command for command in commands if command is not None]

    async def put_last_known_good(self, person: CachedPerson) -> bool:
        """Keep the person as last known good alone, for what is left of ``last_known_good_max_age_s``."""
        privy_id = person.account.privy_user_id
        if privy_id is None or not self.ttl_s > 0:
            return False
        command = self._set(last_known_good_key(privy_id), person, self.last_known_good_max_age_s)
        return await self._write("put last known good", command)

    async def put_by_username(self, person: CachedPerson) -> bool:
        """Keep the person under their username alone, for what is left of ``ttl_s``."""
        if not self.ttl_s > 0:
            return False
        return await self._write(
            "put by username", self._set(username_key(person.account.username), person, self.ttl_s)
        )

    async def forget(self, privy_id: str, username: str | None, *, also_last_known_good: bool) -> bool:
        """Drop what is remembered of the person, the last known good only where it may not be given any more."""
        keys = [privy_id_key(privy_id)]
        if also_last_known_good:
            keys.append(last_known_good_key(privy_id))
        if username is not None:
            keys.append(username_key(username))
        return await self._write("forget", ("DEL", *keys))

    async def put_key_owner(self, digest: bytes, privy_id: str) -> bool:
        """Keep whose the API key of ``digest`` is, for as long as a last known good answer; whether it was done."""
        lifetime_s = self.last_known_good_max_age_s
        left_ms = int(shortened(lifetime_s, self._entropy.fraction()) * 1000)
        if left_ms <= 0 or not self.ttl_s > 0:
            return False
        key = api_key_key(digest)
        return await self._write("put key owner", ("SET", key, self._codec.encode_owner(key, privy_id), "PX", left_ms))

    async def key_owner(self, digest: bytes) -> str | None:
        """Read the Privy id of whom the API key of ``digest`` was; None for anything that is not in order."""
        if not self.ttl_s > 0:
            return None
        key = api_key_key(digest)
        (value,) = await self._read(key)
        return self._codec.decode_owner(key, value)

    async def forget_keys(self, digests: Sequence[bytes]) -> bool:
        """Drop whose the API keys of ``digests`` are."""
        return not digests or await self._write("forget keys", ("DEL", *(api_key_key(digest) for digest in digests)))

    async def forget_everything(
        self, below: float = math.inf, asked: tuple[float, float] = (math.inf, -math.inf)
    ) -> bool:
        """Drop all keys that this service writes; False where Redis did not answer in time for some step of it.

        ``below``: only the answers that have not seen the change of this number, those that were ``asked`` for in that
        time (from and until, UTC seconds), and what cannot be read. There are thousands of steps where there is much:
        one that comes too late is tried again before all are.
        """
        cursor: Any = 0
        count = SWEPT_AT_ONCE if below == math.inf else READ_AT_ONCE
        try:
            while True:
                ((cursor, keys),) = await self._step(("SCAN", cursor, "MATCH", f"{PREFIX}*", "COUNT", count))
                if keys and below < math.inf:
                    keys = await self._to_go(keys, below, *asked)
                    await asyncio.sleep(READ_PAUSE_S)
                if keys:
                    await self._step(("UNLINK", *keys))
                if int(cursor) == 0:
                    return True
        except (NotKnown, TypeError, ValueError):
            return False

    async def _to_go(self, keys: Sequence[bytes], below: float, since_s: float, until_s: float) -> list[bytes]:
        """Where an answer from before ``below`` or of that time stands, or what is none; never whose a key is."""
        answers = [key for key in keys if not key.startswith(API_KEY_PREFIX)]
        values = await self._step(*(("GETRANGE", key, 0, MAX_VALUE_BYTES) for key in answers)) if answers else []
        to_go = []
        for key, value in zip(answers, values, strict=True):
            person = self._codec.decode(key.decode(errors="replace"), value)
            if person is None or person.change_version < below or since_s <= person.as_of_s <= until_s:
                to_go.append(key)
        return to_go

    async def _step(self, *commands: Sequence[Any]) -> list[Any]:
        for _ in range(STEP_TRIES - 1):
            try:
                return await self._ask("forget everything", *commands)
            except NotKnown:
                await asyncio.sleep(STEP_PAUSE_S)
        return await self._ask("forget everything", *commands)

    async def invalidate(self, privy_id: str | None = None, username: str | None = None) -> bool:
        """Drop everything that is remembered of the person; False where nobody is named."""
        keys = [] if privy_id is None else [privy_id_key(privy_id), last_known_good_key(privy_id)]
        if username is not None:
            keys.append(username_key(username))
        return bool(keys) and await self._write("invalidate", ("DEL", *keys))

    async def ping(self) -> bool:
        """Ask Redis whether it answers at all, within the limit."""
        return await self._write("ping", ("PING",))

    async def sizes(self) -> tuple[int, int] | None:
        """Count keys in the whole of Redis, and those it ever dropped for want of room; None where it is not known."""
        try:
            count, stats = await self._ask("sizes", ("DBSIZE",), ("INFO", "stats"))
            return int(count), int(stats["evicted_keys"])
        except (NotKnown, KeyError, TypeError, ValueError):
            return None

    async def holds_anybody(self) -> bool | None:
        """Whether last known good stands there for anybody; None where it is not known yet.

        A step of ``SWEPT_AT_ONCE`` keys and no more: where others' keys lie before ours it takes several calls.
        """
        try:
            command = ("SCAN", self._looked_until, "MATCH", f"{LAST_KNOWN_GOOD_PREFIX}*", "COUNT", SWEPT_AT_ONCE)
            ((cursor, keys),) = await self._ask("sizes", command)
            self._looked_until = 0 if keys else int(cursor)
        except (NotKnown, TypeError, ValueError):
            return None
        return True if keys else None if self._looked_until else False

    def pool_stats(self) -> tuple[int, int, int]:
        """Count connections: in use, idle, and the most there may be."""
        pool = self._redis.connection_pool
        return len(pool._in_use_connections), len(pool._available_connections), pool.max_connections  # noqa: SLF001

    @property
    def waiting(self) -> int:
        """Readers who wait for their turn."""
        return self._reads.waiting

    async def close(self, limit_s: float = 1.0) -> None:
        """Let go of all connections, within ``limit_s`` seconds whatever Redis does."""
        await self._reads.close(limit_s / 4)
        if self._owns_abandoned:
            await self._abandoned.close(limit_s / 4)
        closing = Abandoned()
        try:
            await guarded(
                self._redis.aclose,
                limit_s=limit_s / 2,
                operation="close",
                neighbour=NEIGHBOUR,
                clock=self._clock,
                abandoned=closing,
            )
        except (NotKnown, *DRIVER_ERRORS):
            return
