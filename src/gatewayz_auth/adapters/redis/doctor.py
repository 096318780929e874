"""Asks Redis what a doctor wants to know: the way there, memory, eviction, latency, what we may do."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import redis
from redis.asyncio.connection import parse_url
from redis.exceptions import NoPermissionError

from gatewayz_auth.adapters.reach import Reach, StepFailedError
from gatewayz_auth.adapters.redis.connection import client

if TYPE_CHECKING:
    import ssl

NEIGHBOUR = "redis"
TRIPS = 5
LIMIT_S = 2.0
_DEFAULT_PORT = 6379
_KEY = b"auth:doctor"
_VALUE = b"written by the doctor"


@dataclass(slots=True)
class Examined:
    """What was heard: ``info`` as Redis says it.

    ``refused`` is what we may not do there (empty: nothing).
    """

    reach: Reach
    problem: str = ""
    info: dict[str, Any] = field(default_factory=dict)
    skew_s: float | None = None
    refused: str = ""
    is_local: bool = False

    @property
    def trip_s(self) -> float | None:
        """The median of some round trips; None where they were not made."""
        return self.reach.trip_s


async def examine(url: str, found: Examined, tls: ssl.SSLContext) -> None:
    """Fill ``found`` with all that can be heard of the Redis at ``url``; never raises for what it does.

    One key of ours, ``auth:doctor``, is written, read and taken away again.
    """
    try:
        await _ask_all(url, found, tls)
    except StepFailedError as error:
        found.problem = f"{error.step.name}: {error.step.problem}"
    except ValueError:
        found.problem = "name: REDIS_URL cannot be read"


async def _ask_all(url: str, found: Examined, tls: ssl.SSLContext) -> None:
    reach = found.reach
    given: dict[str, Any] = dict(parse_url(url))
    if path := given.get("path"):
        found.is_local = True
        await reach.host(str(path), 0)
    else:
        is_tls = url.startswith("rediss:")
        host, port = str(given.get("host") or "localhost"), int(given.get("port") or _DEFAULT_PORT)
        await reach.host(host, port, tls=tls if is_tls else None)
        found.is_local = reach.address in {"127.0.0.1", "::1"}
    asked = client(url, limit_s=LIMIT_S, max_connections=1)
    try:
        await reach.step("login", lambda: _login(asked))
        found.info = await reach.step("first query", lambda: _info(asked))
        reach.version, reach.uptime_s = version_of(found.info), found.info.get("uptime_in_seconds")
        times = []
        for _ in range(TRIPS):
            began_s = reach.clock.monotonic_s()
            await reach.step("query", lambda: _ping(asked))
            times.append(reach.clock.monotonic_s() - began_s)
            reach.steps.pop()  # measured, not a step of the way
        reach.trip_s = statistics.median(times)
        await reach.step("write", lambda: _write(asked, found))
    finally:
        await asked.aclose()


def version_of(info: dict[str, Any]) -> str:
    """Which program it is, and of which version; empty where it does not say."""
    for name, program in (("valkey_version", "Valkey"), ("redis_version", "Redis")):
        if version := info.get(name):
            return f"{program} {version}"
    return ""


async def _ping(asked: redis.asyncio.Redis) -> None:
    await asked.execute_command("PING")  # type: ignore[no-untyped-call] # the driver's own


async def _login(asked: redis.asyncio.Redis) -> None:
    try:
        await _ping(asked)
    except redis.AuthenticationError:
        raise RefusedError("it does not accept the user or the password") from None
    except NoPermissionError:
        return
    except redis.BusyLoadingError:
        raise RefusedError("it is still loading its data") from None
    except redis.ResponseError as error:
        said = "it wants a password" if "NOAUTH" in str(error) else "it refuses"
        raise RefusedError(said) from None
    except redis.RedisError as error:
        raise _fault(error) from None


async def _info(asked: redis.asyncio.Redis) -> dict[str, Any]:
    try:
        info: dict[str, Any] = await asked.info()
    except NoPermissionError:
        return {}
    except redis.RedisError as error:
        raise _fault(error) from None
    return info


async def _write(asked: redis.asyncio.Redis, found: Examined) -> None:
    """Do once what the service does all the time, and see what is refused; and look at its clock."""
    try:
        await asked.set(_KEY, _VALUE, ex=5)
        if await asked.get(_KEY) != _VALUE:
            found.refused = "what is written is not read again"
        await asked.delete(_KEY)
        before_s = found.reach.clock.utc_now_s()
        seconds, micros = await asked.time()
        found.skew_s = seconds + micros / 1e6 - (before_s + found.reach.clock.utc_now_s()) / 2
    except NoPermissionError:
        found.refused = "its access list does not let this user read and write keys that begin with auth:"
    except redis.ReadOnlyError:
        found.refused = "it is a replica and takes no writes"
    except redis.OutOfMemoryError:
        found.refused = "its memory is full and it takes no writes"
    except redis.ResponseError as error:
        said = str(error)
        found.refused = "its disk takes no snapshot, so it takes no writes" if "MISCONF" in said else "it refuses"
    except redis.RedisError as error:
        raise _fault(error) from None


class RefusedError(OSError):
    """What Redis said, in our words; it names nobody."""

    def __init__(self, words: str) -> None:
        super().__init__(0, words)


def _fault(error: redis.RedisError) -> OSError:
    if "username-password" in str(error) or isinstance(
        error.__cause__, redis.AuthenticationError
    ):  # while connecting, the driver tells it as a connection that failed
        return RefusedError("it does not accept the user or the password")
    if isinstance(error, redis.TimeoutError):
        return TimeoutError(0, f"no answer in {LIMIT_S:g} s")
    return RefusedError("it ended the connection")
