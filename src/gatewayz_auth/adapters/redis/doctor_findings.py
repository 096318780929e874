"""What was heard of Redis, judged: pure functions from figures to findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.adapters.reach import SILENCE_DO, silence_at
from gatewayz_auth.service.findings import critical, notice, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewayz_auth.adapters.redis.doctor import Examined
    from gatewayz_auth.service.findings import Finding

OLDEST = 6
SLOW_S, TOO_SLOW_S = 0.01, 0.05
FULL = 0.9
SKEW_S = 5.0
_MEGABYTE = 1024 * 1024


def judge(found: Examined) -> list[Finding]:
    """The findings about Redis, in no order."""
    if found.problem:
        step, _, why = found.problem.partition(": ")
        stopped = found.reach.stopped_at
        is_silent = stopped is not None and stopped.is_silent
        return [
            warning(
                "redis-unreachable",
                silence_at(stopped, "Redis") if stopped and is_silent else f"Redis is not reached: {why}",
                f"It stops at the step {step!r}. Each process remembers for itself alone; sign-ins go on, with more "
                "questions to the database.",
                f"{SILENCE_DO} thaw or restart it. docs/runbook/redis-away.md goes on from here."
                if is_silent
                else "Start Redis, or correct REDIS_URL; docs/runbook/redis-away.md goes on from here.",
            )
        ]
    return [*_of_use(found), *_of_memory(found), *_of_way(found)]


def _of_use(found: Examined) -> Iterator[Finding]:
    if found.refused:
        yield warning(
            "redis-refuses",
            "Redis does not do what the service asks of it",
            f"{found.refused[0].upper()}{found.refused[1:]}. Nothing is shared between processes.",
            "Name the primary in REDIS_URL, or let its user: ACL SETUSER … ~auth:* +@read +@write +@connection +ping",
        )
    version = str(found.info.get("redis_version", ""))
    if version and int(version.split(".", maxsplit=1)[0]) < OLDEST:
        yield warning(
            "redis-old", f"Redis {version} is too old", "The cache needs 6 or newer.", "Upgrade to Redis 6 or Valkey."
        )


def eviction_problem(found: Examined) -> str:
    """What is wrong with how Redis makes room; empty where nothing is or it does not say."""
    policy, most = found.info.get("maxmemory_policy", ""), found.info.get("maxmemory", 0)
    if policy != "noeviction":
        return ""
    return (
        "At maxmemory it refuses writes: new answers are not shared, and people who were changed are not forgotten."
        if most
        else "It has no maxmemory and evicts nothing: it grows until the machine ends it, and all it remembers with it."
    )


def _of_memory(found: Examined) -> Iterator[Finding]:
    info = found.info
    used, most = info.get("used_memory", 0), info.get("maxmemory", 0)
    if problem := eviction_problem(found):
        yield warning(
            "redis-noeviction",
            "Redis evicts nothing (maxmemory-policy noeviction)",
            problem,
            "CONFIG SET maxmemory 256mb, then CONFIG SET maxmemory-policy allkeys-lru; and the same in its file",
        )
    if most and used > FULL * most:
        yield warning(
            "redis-memory",
            f"Redis uses {used / _MEGABYTE:.0f} of {most / _MEGABYTE:.0f} MB",
            f"It has evicted {info.get('evicted_keys', 0)} keys: people are forgotten early, last known good answers "
            "among them, which an outage needs.",
            "Give it more memory (CONFIG SET maxmemory), or shorten LAST_KNOWN_GOOD_MAX_AGE.",
        )
    clients, limit = info.get("connected_clients", 0), info.get("maxclients", 0)
    if limit and clients > FULL * limit:
        yield warning(
            "redis-clients",
            f"{clients} of {limit} connections of Redis are taken",
            "At the limit processes are refused and remember for themselves alone.",
            "Find who keeps them open: CLIENT LIST; or raise it: CONFIG SET maxclients",
        )


def _of_way(found: Examined) -> Iterator[Finding]:
    if found.trip_s is not None and found.trip_s > SLOW_S:
        make = critical if found.trip_s > TOO_SLOW_S else warning
        yield make(
            "redis-slow",
            f"A round trip to Redis takes {found.trip_s * 1e3:.0f} ms",
            "A sign-in waits for it 50 ms at most and then goes on without: a slow Redis is worse than a near one of "
            "half the size.",
            "Move it near the service, or look at SLOWLOG GET and at its disk.",
        )
    if not found.is_local and not found.reach.is_tls:
        yield notice(
            "redis-no-tls",
            "The connection to Redis is not encrypted",
            "Values are sealed, so nobody reads or forges them; the password and who signs in when are in clear.",
            "Use rediss:// in REDIS_URL where the server offers TLS.",
        )
    if found.skew_s is not None and abs(found.skew_s) > SKEW_S + (found.trip_s or 0):
        yield warning(
            "clock-skew-redis",
            f"Redis's clock is {abs(found.skew_s):.0f} s {'ahead of' if found.skew_s > 0 else 'behind'} this machine's",
            "Ages of answers are told by it when processes on several machines share them.",
            "Let both machines follow NTP (chronyc tracking, timedatectl).",
        )
