"""The shared cache as tests make it: a clock and a randomness of their own, one made-up secret."""

from __future__ import annotations

import asyncio
import gc

from tests.support.manual_clock import ManualClock
from tests.support.seeded_entropy import SeededEntropy

from gatewayz_auth.adapters.redis.cache import RedisCache
from gatewayz_auth.adapters.redis.codec import Codec
from gatewayz_auth.adapters.redis.sealing import SERVICE_PURPOSE, Sealer, sealing_keys

CODEC = Codec(Sealer(sealing_keys(("s" * 32,), SERVICE_PURPOSE), SeededEntropy(1)))


def cache_at(url, **options):
    settings = {"ttl_s": 300, "last_known_good_max_age_s": 86400, "limit_s": 1.0} | options
    clock = settings.pop("clock", None) or ManualClock()
    return RedisCache(url, CODEC, clock, SeededEntropy(2), **settings)


def run(scenario, url, **options):
    """Run ``scenario`` with a cache at ``url``, close it, and let no connection leak."""

    async def within():
        cache = cache_at(url, **options)
        try:
            return await scenario(cache)
        finally:
            await cache.close()

    result = asyncio.run(within())
    gc.collect()  # a connection left open would warn here, and warnings are errors
    return result
