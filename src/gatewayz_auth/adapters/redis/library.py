"""The Redis of ``gatewayz_auth.auth_cache``: settings read and everything made at first use, never at import."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayz_auth.adapters.loop_thread import LoopThread
from gatewayz_auth.adapters.redis.plain_cache import PlainCache
from gatewayz_auth.adapters.redis.sealing import LIBRARY_PURPOSE, Sealer, sealing_keys
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_MAX_TTL_S = 86400
_SECRET_MIN_LENGTH = 32
_REDIS_LIMIT_S = 0.045
"""A little less than the caller's 50 ms, so that the guard lets go before the caller does."""

MAX_NAME_LENGTH = 512
"""Characters of a Privy id or a username that something is remembered under."""

_log = logging.getLogger("gatewayz_auth.auth_cache")
_loop_thread = LoopThread("gatewayz-auth-cache")
_lock = threading.Lock()
_cache: tuple[tuple[str, str, int], PlainCache | None] | None = None


def cache_ttl_s(default_s: float) -> float:
    """``AUTH_CACHE_TTL`` of the environment in seconds, ``default_s`` where it names none or something else."""
    try:
        ttl_s = float(os.environ.get("AUTH_CACHE_TTL", "").strip() or default_s)
    except ValueError:
        return default_s
    return ttl_s if 0 <= ttl_s <= _MAX_TTL_S else default_s


def _plain_cache() -> PlainCache | None:
    """The cache on the Redis of ``REDIS_URL``; None, said once, where nothing can be cached."""
    global _cache  # noqa: PLW0603 - one process, one cache
    wanted = os.environ.get("REDIS_URL", "").strip(), os.environ.get("API_KEY_SECRET", "").strip(), os.getpid()
    kept = _cache
    if kept is None or kept[0] != wanted:
        with _lock:
            kept = _cache
            if kept is None or kept[0] != wanted:
                if kept is not None and kept[1] is not None and kept[0][2] == wanted[2]:
                    _loop_thread.call(kept[1].close, 1.0, None)
                _cache = kept = (wanted, _made(*wanted[:2]))
    return kept[1]


def _made(url: str, secret: str) -> PlainCache | None:
    secrets = [part.strip() for part in secret.split(",") if part.strip()]
    if not secrets or any(len(part) < _SECRET_MIN_LENGTH for part in secrets):
        _log.warning("Nothing is cached: API_KEY_SECRET is missing or too short")
        return None
    if not url:
        _log.warning("Nothing is cached: REDIS_URL is missing")
        return None
    entropy = SystemEntropy()
    sealer = Sealer(sealing_keys(secrets, LIBRARY_PURPOSE), entropy)
    try:
        return PlainCache(url, sealer, SystemClock(), entropy, limit_s=_REDIS_LIMIT_S)
    except ValueError:
        _log.warning("Nothing is cached: REDIS_URL is no redis://, rediss:// or unix:// URL")
        return None


def call(work: Callable[[PlainCache], Coroutine[Any, Any, T]], limit_s: float, *, otherwise: T) -> T:
    """What ``work`` answers of this process's cache; ``otherwise`` without one, or after ``limit_s`` seconds."""
    cache = _plain_cache()
    return otherwise if cache is None else _loop_thread.call(lambda: work(cache), limit_s, otherwise)


async def acall(work: Callable[[PlainCache], Coroutine[Any, Any, T]], limit_s: float, *, otherwise: T) -> T:
    """As ``call``, without blocking the caller's event loop."""
    cache = _plain_cache()
    return otherwise if cache is None else await _loop_thread.acall(lambda: work(cache), limit_s, otherwise)
