"""How Redis is reached: no retries, short time-outs, names looked up in threads of our own, nothing at import."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Any

import redis.asyncio
from redis.asyncio.connection import (
    AbstractConnection,
    BlockingConnectionPool,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError  # noqa: A004 - the driver's

from gatewayz_auth.adapters.threads import BoundedThreads

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LOOKUP_THREADS = 4
"""Name look-ups of Redis hosts at once; one that hangs keeps its thread, and the loop's own executor stays free."""

DRIVER_ERRORS = (RedisError, OSError, RuntimeError)
"""What the driver and the loop below it raise; uvloop says RuntimeError of a transport that has just been closed."""

SECOND_NET = 2.0
"""The driver gives up after so many limits: before that whoever guards the call says what its end means."""

_lookups = BoundedThreads("redis-name-lookup", MAX_LOOKUP_THREADS)
_last_known: dict[tuple[str, int], tuple[str, ...]] = {}
_MAX_LAST_KNOWN = 64


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def addresses_of(host: str, port: int) -> tuple[str, ...]:
    """Look up the addresses of ``host``, in order of preference; last known ones where the look-up fails."""
    if _is_literal(host):
        return (host,)
    try:
        looking = _lookups.submit(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        infos = await asyncio.wrap_future(looking)
    except Exception:
        if known := _last_known.get((host, port)):
            return known
        raise
    found = tuple(dict.fromkeys(str(info[4][0]) for info in infos))
    if len(_last_known) < _MAX_LAST_KNOWN:
        _last_known[host, port] = found
    return found


class _NoticesItsEnd(AbstractConnection):
    """A connection that a pool replaces before use where its transport has ended.

    The driver asks its reader alone, which is not told of an end by an error; the first command would fail of it.
    """

    async def can_read(self) -> bool:
        if self._writer is not None and self._writer.is_closing():
            raise ConnectionError("the connection has ended")
        return bool(await super().can_read())


class _UnixSocket(_NoticesItsEnd, UnixDomainSocketConnection):
    """A connection over a path."""


class _Named(_NoticesItsEnd, Connection):
    """A TCP connection whose name look-up cannot exhaust the event loop's threads."""

    _address: str | None = None

    async def _connect(self) -> None:
        failure: Exception | None = None
        for address in await addresses_of(self.host, self.port):
            self._address = address
            try:
                await super()._connect()  # type: ignore[no-untyped-call] # the driver's own
            except OSError as error:  # a time-out is one
                failure = error
            else:
                return
        raise failure or OSError(f"{self.host} has no address")

    def _connection_arguments(self) -> Mapping[str, Any]:
        arguments = dict(super()._connection_arguments())
        arguments["host"] = self._address or self.host
        if "ssl" in arguments:
            arguments["server_hostname"] = self.host
        return arguments


class _NamedSSL(_Named, SSLConnection):
    """The same over TLS; the certificate is checked against the name, not the address."""


def client(url: str, *, limit_s: float, max_connections: int) -> redis.asyncio.Redis:
    """Build a client of the Redis at ``url`` that connects when first used; ``ValueError`` where it is no such URL.

    Calls are to be guarded by ``limit_s`` seconds; for connecting and for each reply the driver itself takes twice that
    at most. Nothing is retried. ``max_connections`` at most are open, and whoever comes next waits for one. What the
    URL's query says about these is overruled.
    """
    driver_limit_s = SECOND_NET * limit_s
    options: dict[str, Any] = dict(parse_url(url))
    kind = options.get("connection_class")
    if kind is None:
        options["connection_class"] = _Named
    else:
        options["connection_class"] = _UnixSocket if kind is UnixDomainSocketConnection else _NamedSSL
    options |= {
        "socket_timeout": driver_limit_s,
        "socket_connect_timeout": driver_limit_s,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_timeout": False,
        "health_check_interval": 0,
        "decode_responses": False,
        "protocol": 2,
        "driver_info": None,
        "max_connections": max_connections,
        "timeout": driver_limit_s,
    }
    return redis.asyncio.Redis.from_pool(BlockingConnectionPool(**options))
