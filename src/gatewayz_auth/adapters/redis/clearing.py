"""Takes what we keep in Redis out of it: our own prefix and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from gatewayz_auth.adapters.redis.connection import client
from gatewayz_auth.domain.errors import NeighbourUnavailable
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from gatewayz_auth.reliability.clock import Clock

PREFIX = "auth:"
_AT_ONCE = 1000


async def clear(url: str, clock: Clock, limit_s: float) -> int:
    """How many keys of ours were dropped; ``NotKnown`` after ``limit_s`` seconds, or where Redis refuses."""
    redis = client(url, limit_s=limit_s, max_connections=1)

    async def work() -> int:
        count, cursor = 0, 0
        try:
            while True:
                cursor, keys = await redis.scan(cursor, match=f"{PREFIX}*", count=_AT_ONCE)
                if keys:
                    count += int(await redis.unlink(*keys))
                if cursor == 0:
                    return count
        except (RedisError, OSError) as error:
            raise NeighbourUnavailable("redis", type(error).__name__) from error
        finally:
            await redis.connection_pool.disconnect()

    return await guarded(
        work, limit_s=limit_s, operation="clear", neighbour="redis", clock=clock, abandoned=Abandoned()
    )
