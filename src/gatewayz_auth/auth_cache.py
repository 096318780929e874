"""A cache of people for programs of their own, on the Redis that ``REDIS_URL`` names, as the founding document has it.

Plain functions, callable from any thread and within a running event loop; each waits 50 ms at most and has a coroutine
twin with an ``a`` before its name that does not block the loop. Writing and invalidating answer whether it was done,
reading answers the dictionary or None; a Redis that is down is False and None, never an error. Values are sealed with
a key derived from ``API_KEY_SECRET`` (without one nothing is cached, said once) and live ``AUTH_CACHE_TTL`` seconds.
Importing this reads nothing and starts nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from gatewayz_auth.adapters.redis import library

if TYPE_CHECKING:
    from gatewayz_auth.adapters.redis.plain_cache import PlainCache

__all__ = [
    "AUTH_CACHE_TTL",
    "acache_user_by_privy_id",
    "acache_user_by_username",
    "aget_cached_user_by_privy_id",
    "aget_cached_user_by_username",
    "ainvalidate_user_cache",
    "cache_user_by_privy_id",
    "cache_user_by_username",
    "get_cached_user_by_privy_id",
    "get_cached_user_by_username",
    "invalidate_user_cache",
]

AUTH_CACHE_TTL = 300
"""Seconds that a person is remembered; may be assigned, 0 turns caching off. While it is 300, the environment's counts.
"""

_DEFAULT_TTL = 300
_LIMIT_S = 0.05
_log = logging.getLogger(__name__)


def _ttl_s() -> float:
    return float(AUTH_CACHE_TTL) if AUTH_CACHE_TTL != _DEFAULT_TTL else library.cache_ttl_s(_DEFAULT_TTL)


def _key(kind: str, name: str | None) -> str | None:
    """The Redis key of the contract, None for what cannot be one."""
    if not isinstance(name, str) or not name or len(name) > library.MAX_NAME_LENGTH or not name.isprintable():
        return None
    return f"auth:{kind}:{name}"


async def _put(cache: PlainCache, key: str | None, user_data: dict[str, Any]) -> bool:
    return key is not None and isinstance(user_data, dict) and await cache.put(key, user_data, _ttl_s())


async def _get(cache: PlainCache, key: str | None) -> dict[str, Any] | None:
    return await cache.get(key) if key is not None and _ttl_s() > 0 else None


async def _drop(cache: PlainCache, privy_id: str | None, username: str | None) -> bool:
    named = ("privy_id", privy_id), ("last_known_good", privy_id), ("username", username)
    keys = [key for kind, name in named if (key := _key(kind, name)) is not None]
    return bool(keys) and await cache.drop(*keys)


def _said(user: dict[str, Any] | None, what: str, name: str) -> dict[str, Any] | None:
    if user is not None:
        _log.info("Cache hit for %s: %s", what, name)
    elif what == "Privy ID":
        _log.info("Cache miss for Privy ID, querying database...")
    return user


def cache_user_by_privy_id(privy_id: str, user_data: dict[str, Any]) -> bool:
    """Remember ``user_data`` under the Privy id; True when done. Times, decimals and UUIDs in it come back as such."""
    return library.call(lambda cache: _put(cache, _key("privy_id", privy_id), user_data), _LIMIT_S, otherwise=False)


async def acache_user_by_privy_id(privy_id: str, user_data: dict[str, Any]) -> bool:
    """As ``cache_user_by_privy_id``, without blocking the event loop."""
    return await library.acall(
        lambda cache: _put(cache, _key("privy_id", privy_id), user_data), _LIMIT_S, otherwise=False
    )


def get_cached_user_by_privy_id(privy_id: str) -> dict[str, Any] | None:
    """What is remembered under the Privy id, a dictionary of the caller's own; None where that is nothing."""
    user = library.call(lambda cache: _get(cache, _key("privy_id", privy_id)), _LIMIT_S, otherwise=None)
    return _said(user, "Privy ID", privy_id)


async def aget_cached_user_by_privy_id(privy_id: str) -> dict[str, Any] | None:
    """As ``get_cached_user_by_privy_id``, without blocking the event loop."""
    user = await library.acall(lambda cache: _get(cache, _key("privy_id", privy_id)), _LIMIT_S, otherwise=None)
    return _said(user, "Privy ID", privy_id)


def cache_user_by_username(username: str, user_data: dict[str, Any]) -> bool:
    """Remember ``user_data`` under the username, exactly as it is written; True when done."""
    return library.call(lambda cache: _put(cache, _key("username", username), user_data), _LIMIT_S, otherwise=False)


async def acache_user_by_username(username: str, user_data: dict[str, Any]) -> bool:
    """As ``cache_user_by_username``, without blocking the event loop."""
    return await library.acall(
        lambda cache: _put(cache, _key("username", username), user_data), _LIMIT_S, otherwise=False
    )


def get_cached_user_by_username(username: str) -> dict[str, Any] | None:
    """What is remembered under the username, exactly as it is written; None where that is nothing."""
    user = library.call(lambda cache: _get(cache, _key("username", username)), _LIMIT_S, otherwise=None)
    return _said(user, "username", username)


async def aget_cached_user_by_username(username: str) -> dict[str, Any] | None:
    """As ``get_cached_user_by_username``, without blocking the event loop."""
    user = await library.acall(lambda cache: _get(cache, _key("username", username)), _LIMIT_S, otherwise=None)
    return _said(user, "username", username)


def invalidate_user_cache(privy_id: str | None = None, username: str | None = None) -> bool:
    """Forget the person under whatever is named, in the service's cache as well; True when Redis has done it."""
    return library.call(lambda cache: _drop(cache, privy_id, username), _LIMIT_S, otherwise=False)


async def ainvalidate_user_cache(privy_id: str | None = None, username: str | None = None) -> bool:
    """As ``invalidate_user_cache``, without blocking the event loop."""
    return await library.acall(lambda cache: _drop(cache, privy_id, username), _LIMIT_S, otherwise=False)
