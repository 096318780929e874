"""Composes what is seen of the service: figures, their merging over all processes, pools, and the page of metrics."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, TypeVar, cast

import structlog

from gatewayz_auth import __version__
from gatewayz_auth.adapters.figures.build import commit
from gatewayz_auth.adapters.figures.counted import Counted
from gatewayz_auth.adapters.figures.figures import Figures
from gatewayz_auth.adapters.figures.keeper import Keeper
from gatewayz_auth.adapters.figures.shelf import Shelf
from gatewayz_auth.adapters.logs import Logs, configure
from gatewayz_auth.adapters.postgres.pool_watch import PoolWatch
from gatewayz_auth.adapters.pseudonyms import pseudonyms
from gatewayz_auth.adapters.threads import BoundedThreads
from gatewayz_auth.domain.errors import Overloaded, SettingsError
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.reliability.storm import StormGate
from gatewayz_auth.service.overview import PoolSeen, Running

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from gatewayz_auth.adapters.postgres.pool import Pool
    from gatewayz_auth.adapters.redis.cache import RedisCache
    from gatewayz_auth.adapters.sign_in_log import SignInLog
    from gatewayz_auth.adapters.told import Told
    from gatewayz_auth.adapters.tracing import Tracing
    from gatewayz_auth.reliability.abandoned import Abandoned, UnderWay
    from gatewayz_auth.reliability.bulkhead import Bulkhead
    from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.facts import Fact
    from gatewayz_auth.service.overview import Sight, Totals
    from gatewayz_auth.service.process_cache import ProcessCache
    from gatewayz_auth.service.sign_in_report import SignInReport
    from gatewayz_auth.settings import Settings

App = TypeVar("App")

RUN = "GATEWAYZ_AUTH_RUN"
"""The variable by which ``serve`` names its run to its workers: their figures belong together."""

PAGE_LIMIT_S = 0.5
"""So long the page of metrics waits for the disk; then it shows what was merged last."""

REDIS_EVERY = 10
"""Seconds from one look into Redis to the next: how many keys it holds, how many it dropped."""

MAX_PAGES = 2
"""Pages being made at once."""

_JUST_AFTER_S = 0.05
_OPERATIONS = {"postgres": ("sign_in", "look up by Privy id"), "redis": ("read", "put")}
"""Those of the sign-in, whose time-outs are shown as 0 before there are any."""

_PHASES = {"closed": 0, "half_open": 1, "open": 2}


def logs_of(settings: Settings) -> Logs:
    """The running log as ``settings`` want it."""
    name_id = None
    if settings.log_ids == "hash":
        name_id = pseudonyms(settings.api_key_secrets[0] if settings.api_key_secrets else "")
    return configure(settings.log_level, settings.log_format, settings.log_file, name_id)


def tracing_of(settings: Settings, clock: Clock, service: str) -> Tracing | None:
    """The traces that ``settings`` want, None where they want none; ``SettingsError`` where the extra is missing."""
    if settings.otel_endpoint is None:
        return None
    try:
        from gatewayz_auth.adapters.tracing import Tracing  # noqa: PLC0415 - an extra, and imported only where wanted
    except ImportError:
        raise SettingsError(
            ["OTEL_EXPORTER_OTLP_ENDPOINT is set and the extra `otel` is not installed: install gatewayz-auth[otel]"]
        ) from None
    return Tracing(settings.otel_endpoint, clock, service)


class Heard:
    """Hears facts: counts them, traces them where that is wanted, and passes them on."""

    def __init__(self, figures: Figures, told: Told, tracing: Tracing | None) -> None:
        """Count in ``figures``, pass on to ``told``."""
        self._hearers = (figures.hear, told.hear, *(() if tracing is None else (tracing.hear,)))

    def hear(self, fact: Fact) -> None:
        """Hear ``fact``; never waits, never raises."""
        for hear in self._hearers:
            hear(fact)


class Telemetry:
    """What is seen of one process and, through ``sight``, of the whole service."""

    def __init__(
        self, state_dir: Path, clock: Clock, role: str = "web", logs: Logs | None = None, tracing: Tracing | None = None
    ) -> None:
        """Count for the run of ``role`` (``web`` or ``worker``: each sees its own kind) in ``state_dir``.

        ``logs`` are watched for storms; sign-ins are traced where there is a ``tracing``.
        """
        self._tracing = tracing
        started_ms = int(clock.utc_now_s() * 1000)
        run = f"{role}-{os.environ.get(RUN) or f'{os.getpid()}-{started_ms}'}"
        self._clock = clock
        self._log = structlog.get_logger()
        self._tasks = OwnedTasks("telemetry", 2)
        self._shared: RedisCache | None = None
        self._looks = 0
        self._redis_holds_anybody = False
        self._redis_phase: Callable[[], str] = lambda: "closed"
        self._under_way: AbstractSet[UnderWay] = frozenset()
        self._look_at_pool: Callable[[], None] = lambda: None
        self._pool: Callable[[], PoolSeen] = lambda: PoolSeen(os.getpid(), 0)
        self._threads = BoundedThreads("metrics", MAX_PAGES)
        self.figures = Figures(clock)
        self._storms = StormGate() if logs is None else logs.storms
        self._name = None if logs is None else logs.name_id
        shelf = Shelf(state_dir / "figures", run, pid=os.getpid(), started_ms=started_ms)
        self._keeper = Keeper(self.figures, shelf, state_dir / f"history-{role}.jsonl", clock, self._trouble)
        self.figures.put("build_info", 1, __version__, commit())
        self.figures.begin("log_lines_lost_total", "storm")
        self.figures.watch("log_lines_lost_total", lambda: 0 if logs is None else logs.writer.lost, "full")
        self.figures.begin("loop_blocked_total")
        self.figures.happened("start", f"a {role} process of version {__version__} starts")

    @property
    def sight(self) -> Sight:
        """What console, terminal and health read."""
        return self._keeper

    def over(self, told: Told) -> Heard:
        """What hears the reliability layer's facts: counted, then written by ``told``."""
        return Heard(self.figures, told, self._tracing)

    def observer(self, log: SignInLog) -> Counted:
        """What the cache tells its questions to: counted, then written by ``log``."""
        return Counted(self.figures, log)

    def report(self, log: SignInLog) -> Callable[[SignInReport], None]:
        """What hears of each answered sign-in, on the hot route: counted, then written by ``log``.

        Of those without a key so many of each code are written a second; the others are all written.
        """
        count, write, utc_now_s = self.figures.answered, log.answered, self._clock.utc_now_s
        admit, name = self._storms.admit, self._name

        def both(report: SignInReport) -> None:
            count(report)
            if report.outcome == "ok" or admit(report.code):
                write(report, utc_now_s())

        def both_unnamed(report: SignInReport) -> None:
            if name is not None and report.privy_user_id is not None:
                report = report._replace(privy_user_id=name(report.privy_user_id))
            both(report)

        written = both if name is None else both_unnamed
        return written if self._tracing is None else _one_after_the_other(self._tracing.report, written)

    def around(self, app: App) -> App:
        """``app`` itself, or with a span around each sign-in where there are traces."""
        if self._tracing is None:
            return app
        return cast("App", self._tracing.around(cast("Any", app)))

    def watch(
        self, abandoned: Abandoned, cache: ProcessCache, breaker: CircuitBreaker, pool: Pool, bulkhead: Bulkhead
    ) -> None:
        """Show the calls that run now, what the process remembers, and Postgres with the queue in front of it."""
        self._watch_calls(abandoned)
        self._watch_process_cache(cache)
        self._watch_breaker(breaker)
        self._watch_postgres(pool, bulkhead)
        watch = PoolWatch(pool, lambda: self._running("postgres"), lambda: bulkhead.waiting, self.figures.happened)
        self._look_at_pool = watch.look
        self._pool = lambda: self._pool_seen(pool, bulkhead)

    def _pool_seen(self, pool: Pool, bulkhead: Bulkhead) -> PoolSeen:
        now = pool.stats()
        waiting = now.waiting + bulkhead.waiting
        return PoolSeen(
            os.getpid(), now.max_size, now.active, now.idle, now.broken, waiting, self._running(bulkhead.neighbour)
        )

    def _watch_calls(self, abandoned: Abandoned) -> None:
        self._under_way = abandoned.under_way
        self.figures.watch_running(self._running)

    def _running(self, neighbour: str | None = None) -> list[Running]:
        now_s = self._clock.monotonic_s()
        return [
            Running(call.neighbour, call.operation, now_s - call.started_s, call.left_s is not None)
            for call in self._under_way
            if neighbour in {None, call.neighbour}
        ]

    def pool(self) -> PoolSeen:
        """Postgres' pool of this process as it is now, and what holds its connections."""
        return self._pool()

    def _watch_breaker(self, breaker: CircuitBreaker) -> None:
        for name in ("breaker_transitions_total", "abandoned_calls", "abandoned_calls_total"):
            self.figures.begin(name, breaker.neighbour)
        for operation in _OPERATIONS[breaker.neighbour]:
            self.figures.begin("query_timeouts_total", breaker.neighbour, operation)
        self.figures.watch("breaker_state", lambda: _PHASES[breaker.phase.value], breaker.neighbour)

    def _watch_process_cache(self, cache: ProcessCache) -> None:
        watch = self.figures.watch
        self._begin_tier("process")
        watch("cache_entries", lambda: len(cache), "process")
        watch("cache_evictions_total", lambda: cache.evictions, "process")
        watch("cache_requests_total", lambda: cache.hits, "process", "hit")

    def _begin_tier(self, tier: str) -> None:
        for result in ("hit", "miss", "stale", "error"):
            self.figures.begin("cache_requests_total", tier, result)

    def _watch_postgres(self, pool: Pool, bulkhead: Bulkhead) -> None:
        watch = self.figures.watch
        for state in ("active", "idle", "broken"):
            watch("pool_connections", lambda state=state: getattr(pool.stats(), state), "postgres", state)  # type: ignore[misc]
        watch("pool_size_max", lambda: pool.stats().max_size, "postgres")
        watch("pool_waiting", lambda: pool.stats().waiting + bulkhead.waiting, "postgres")
        watch("pool_exhausted_total", lambda: pool.stats().exhausted + bulkhead.exhausted, "postgres")

    def watch_redis(self, cache: RedisCache | None, breaker: CircuitBreaker, bulkhead: Bulkhead) -> None:
        """Show the connections of ``cache``, and those who wait for one; nothing where there is no Redis."""
        if cache is None:
            return
        self._watch_breaker(breaker)
        self._begin_tier("redis")
        self._shared = cache
        self._redis_phase = lambda: breaker.phase.value
        watch = self.figures.watch
        for place, state in enumerate(("active", "idle")):
            watch("pool_connections", lambda place=place: cache.pool_stats()[place], "redis", state)  # type: ignore[misc]
        watch("pool_connections", lambda: 0, "redis", "broken")  # the driver closes them at once
        watch("pool_size_max", lambda: cache.pool_stats()[2], "redis")
        watch("pool_waiting", lambda: cache.waiting + bulkhead.waiting, "redis")
        watch("pool_exhausted_total", lambda: bulkhead.exhausted, "redis")

    def start(self) -> None:
        """Begin to lay figures down; nothing is waited for."""
        loop = asyncio.get_running_loop()
        self.figures.watch("tasks", lambda: len(asyncio.all_tasks(loop)))
        self._keeper.start()
        self._keeper.tick()
        self._tasks.spawn(self._run(), "every second")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(1 + _JUST_AFTER_S - self._clock.utc_now_s() % 1)
            self._keeper.tick()
            self._look_at_pool()
            self._tell_storms()
            self._looks += 1
            if self._looks % REDIS_EVERY == 1 and self._shared is not None and not self._tasks.is_full:
                self._tasks.spawn(self._look_into_redis(self._shared), "look into Redis")

    def redis_knows(self) -> bool:
        """Whether people can be signed in from Redis although this process remembers nobody: as it was seen last."""
        return self._redis_holds_anybody and self._redis_phase() == "closed"

    async def _look_into_redis(self, cache: RedisCache) -> None:
        sizes = await cache.sizes()
        if sizes is not None:
            self.figures.put("cache_entries", sizes[0], "redis")
            self.figures.put("cache_evictions_total", sizes[1], "redis")
        holds = await cache.holds_anybody()
        if holds is not None:
            self._redis_holds_anybody = holds

    def _tell_storms(self) -> None:
        for kind, count in self._storms.settle().items():
            self.figures.count("log_lines_lost_total", "storm", by=count)
            self._log.warning(f"Log lines suppressed: {count} more like this within a second", like=kind)

    async def close(self, limit_s: float) -> None:
        """Lay the last figures down, in ``limit_s`` seconds at most."""
        await self._tasks.close(limit_s / 2)
        self.figures.happened("end", "a process ends as it was asked to")
        self._keeper.close(limit_s / 2)
        if self._tracing is not None:
            self._tracing.close(limit_s / 2)

    async def page(self) -> bytes:
        """Prometheus' text over all processes; this one's figures are of this moment, the others' of the last second.

        Answers within ``PAGE_LIMIT_S`` whatever the disk does, then with what was merged last.
        """
        snapshot = self.figures.snapshot()
        try:
            made = asyncio.wrap_future(self._threads.submit(lambda: _page(self._keeper.fresh_totals(snapshot))))
        except Overloaded:
            return _page(self._keeper.totals())
        await asyncio.wait((made,), timeout=PAGE_LIMIT_S)
        return made.result() if made.done() else _page(self._keeper.totals())

    def _trouble(self, error: str) -> None:
        self._log.warning("The state folder is of no use for figures: each process shows itself alone", error=error)


def _one_after_the_other(
    first: Callable[[SignInReport], None], then: Callable[[SignInReport], None]
) -> Callable[[SignInReport], None]:
    def both(report: SignInReport) -> None:
        first(report)
        then(report)

    return both


def _page(totals: Totals) -> bytes:
    from gatewayz_auth.adapters import prometheus  # noqa: PLC0415 - 0.1 s, and commands compose the service too

    return prometheus.page(totals)
