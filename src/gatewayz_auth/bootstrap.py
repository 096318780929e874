"""The composition root: the only place that knows settings, adapters and web together."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from gatewayz_auth.adapters.keyring import Keyring
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.changes import PostgresChanges
from gatewayz_auth.adapters.postgres.directory import PostgresDirectory
from gatewayz_auth.adapters.postgres.pool import Pool, probe
from gatewayz_auth.adapters.postgres.users import PostgresAccounts
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.adapters.privy.signing_keys import SigningKeys
from gatewayz_auth.adapters.privy.tokens import PrivyTokens
from gatewayz_auth.adapters.privy.verified_tokens import VerifiedTokens
from gatewayz_auth.adapters.redis.cache import LIMIT_S, Guard, RedisCache
from gatewayz_auth.adapters.redis.codec import Codec
from gatewayz_auth.adapters.redis.heartbeat import Heartbeat
from gatewayz_auth.adapters.redis.sealing import Sealer
from gatewayz_auth.adapters.sign_in_log import SignInLog
from gatewayz_auth.adapters.told import Told
from gatewayz_auth.bootstrap_console import ConsoleSide
from gatewayz_auth.bootstrap_jobs import JobSide
from gatewayz_auth.bootstrap_referrals import ReferralSide
from gatewayz_auth.bootstrap_runtime import RuntimeSide, Steered, steered
from gatewayz_auth.bootstrap_start import check_database
from gatewayz_auth.bootstrap_telemetry import Telemetry, logs_of, tracing_of
from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown
from gatewayz_auth.domain.users import NewcomerRules
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.breaker_machine import CACHE_LIMITS, BreakerLimits, Phase
from gatewayz_auth.reliability.bulkhead import Bulkhead
from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.reliability.door import Door
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.reliability.neighbour_call import NeighbourCall
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.reliability.prober import PROBE_LIMIT_S, Prober
from gatewayz_auth.reliability.query_timeout import guarded
from gatewayz_auth.reliability.recovery_pace import RecoveryPace
from gatewayz_auth.reliability.single_flight import SingleFlight
from gatewayz_auth.reliability.supervisor import Supervisor
from gatewayz_auth.service.auth_cache import AuthCache, CachePolicy
from gatewayz_auth.service.follow_changes import FollowChanges
from gatewayz_auth.service.health import LOOKS_BACK_S, Health, Timeouts, Vitals, told
from gatewayz_auth.service.last_probe import LastProbe
from gatewayz_auth.service.people import People
from gatewayz_auth.service.resealing import Resealing
from gatewayz_auth.service.sign_in import SignIn, SignInPolicy
from gatewayz_auth.settings import load_environment, read_settings
from gatewayz_auth.web.access import Listener, OpsRules
from gatewayz_auth.web.answers import render
from gatewayz_auth.web.app import Parts, create_app
from gatewayz_auth.web.rate_limits import RateLimits
from gatewayz_auth.web.routes.admin import admin_routes
from gatewayz_auth.web.routes.development import development_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gatewayz_auth.adapters import logs
    from gatewayz_auth.domain.sign_in import Answer
    from gatewayz_auth.reliability.facts import BreakerChanged
    from gatewayz_auth.settings import Settings
    from gatewayz_auth.web.sign_in import SignInRoute

T = TypeVar("T")

REDIS_CALLS = 64

START_LIMIT_S = 2.0
"""How long a start waits for neighbours that do not answer; then it goes on without them."""

CLOSE_LIMIT_S = 1.0
BACKGROUND_TASKS = 2000
"""Writes to Redis and refreshes that may be under way at once; one more is dropped."""


class Service:
    """Everything of one process, composed in reading order; nothing runs before ``start``."""

    def __init__(self, settings: Settings, running_logs: logs.Logs) -> None:
        """Compose it of ``settings``."""
        self.settings = settings
        self.clock = clock = SystemClock()
        self.entropy = entropy = SystemEntropy()
        self.log = structlog.get_logger()
        self.sign_in_log = SignInLog(running_logs)
        self.logs = running_logs
        self.timeouts = Timeouts(clock)
        self.telemetry = telemetry = Telemetry(
            Path(settings.state_dir), clock, logs=running_logs, tracing=tracing_of(settings, clock, "gatewayz-auth")
        )
        told = telemetry.over(Told(self.timeouts.count))
        state_dir = Path(settings.state_dir)

        self.issuer = DevIssuer(state_dir, entropy) if settings.dev else None
        self.keys = SigningKeys(
            pem=self.issuer.public_pem if self.issuer else settings.privy_verification_key,
            jwks_url=None if self.issuer else settings.privy_jwks_url,
            state_dir=state_dir,
            clock=clock,
            entropy=entropy,
            tell=told.hear,
        )
        app_id = self.issuer.app_id if self.issuer else settings.privy_app_id
        self.verifier = VerifiedTokens(PrivyTokens(self.keys, app_id or ""), self.keys)
        self.keyring = Keyring(settings.api_key_secrets, entropy)

        self.tasks = OwnedTasks("service", BACKGROUND_TASKS, told.hear)
        self.supervisor = Supervisor(entropy, told.hear)
        self.abandoned = Abandoned(told.hear)
        self.pool = Pool(
            settings.database_url, max_size=settings.database_pool_size, clock=clock, tasks=OwnedTasks("pool", 64)
        )
        self.breaker = CircuitBreaker("postgres", BreakerLimits(), clock, told.hear)
        bulkhead = Bulkhead("postgres", settings.database_pool_size, clock)
        call = NeighbourCall(bulkhead, self.breaker, clock, self.abandoned)
        self.accounts = PostgresAccounts(self.pool, call, clock, settings.user_lookup_timeout_s)
        aside = GuardedCall(clock, self.abandoned)
        self.directory = PostgresDirectory(self.pool, aside, clock, START_LIMIT_S)
        self.jobs = JobSide(settings, self.pool, aside, clock, telemetry.figures)
        self.flights: SingleFlight[Answer] = SingleFlight("postgres", clock)
        last_probe = LastProbe(lambda: probe(settings.database_url))
        self.prober = Prober(
            self.breaker,
            last_probe,
            clock=clock,
            abandoned=self.abandoned,
            on_good_probe=lambda: self.pool.renew(START_LIMIT_S),
            question=lambda: self.pool.rows("ping", {}, PROBE_LIMIT_S),
        )

        self.breaker.subscribe(self._breaker_changed)

        self.redis_bulkhead = Bulkhead("redis", REDIS_CALLS, clock)
        self.redis_breaker = CircuitBreaker("redis", CACHE_LIMITS, clock, told.hear)
        self.shared = None if settings.redis_url is None else self._redis(settings.redis_url, self._redis_call())
        self.redis_probe = None if settings.redis_url is None else self._redis(settings.redis_url, None)
        self.redis_prober = Prober(self.redis_breaker, self._probe_redis, clock=clock, abandoned=self.abandoned)
        policy = CachePolicy(
            ttl_s=settings.auth_cache_ttl_s,
            last_known_good_max_age_s=settings.last_known_good_max_age_s,
            patience_s=settings.lookup_patience_s,
            lookup_limit_s=settings.user_lookup_timeout_s,
        )
        resealing = Resealing(self.keyring, self.directory, self.tasks)
        door = Door(self.breaker, bulkhead, RecoveryPace(clock), settings.user_lookup_timeout_s)
        self.cache = AuthCache(
            policy,
            self.jobs.accounts(self.accounts),
            self.keyring,
            render,
            self.shared,
            self.flights,
            door,
            resealing,
            self.tasks,
            telemetry.observer(self.sign_in_log),
            clock,
            entropy,
        )
        telemetry.watch(self.abandoned, self.cache.process, self.breaker, self.pool, bulkhead)
        telemetry.watch_redis(self.shared, self.redis_breaker, self.redis_bulkhead)
        self.referrals = ReferralSide(
            lambda: self.cache.policy,
            self.pool,
            call,
            door,
            self.keyring,
            resealing,
            self.tasks,
            clock,
            entropy,
            self.shared,
            self.cache,
        )
        self.changes = PostgresChanges(
            self.pool, aside, clock, 1.0, self.breaker.is_closed, remembered_s=settings.last_known_good_max_age_s
        )
        self.follow_changes = FollowChanges(self.changes, self.cache, self.referrals.check, clock=clock)
        self.health = Health(
            Vitals(
                breaker=lambda: self.breaker.phase.value,
                silent_for_s=self.follow_changes.silent_for_s,
                has_answered=lambda: self.follow_changes.is_heard,
                redis_breaker=lambda: None if self.shared is None else self.redis_breaker.phase.value,
                pool=telemetry.pool,
                pools=lambda: telemetry.sight.totals().pools,
                remembered=lambda: len(self.cache.process),
                shared_knows=telemetry.redis_knows,
                now_s=clock.utc_now_s,
                remembered_of_all=lambda: int(telemetry.sight.totals().number("cache_entries", "process")),
                ttl_s=lambda: self.cache.policy.ttl_s,
                timeouts=self.timeouts,
                timeouts_of_all=lambda: self.console.view.timeouts(LOOKS_BACK_S),
                jobs=self.jobs.watch.check,
            )
        )
        self.people = People(self.directory, self.shared, self.sign_in_log, clock)
        self.console = ConsoleSide(
            settings,
            self.cache,
            self.shared,
            telemetry,
            self.keys,
            self.sign_in_log,
            self.follow_changes.silent_for_s,
            last_probe.refuses,
            telemetry.redis_knows,
            clock,
            entropy,
        )
        self.sign_in = SignIn(
            self.verifier,
            self.keyring,
            self.cache,
            SignInPolicy(NewcomerRules(), settings.region, settings.signups, settings.signup_domains),
            clock,
            entropy,
        )
        self.steered, self.runtime = self._live(bulkhead, door, aside)

    def _live(self, bulkhead: Bulkhead, door: Door, aside: GuardedCall) -> tuple[Steered, RuntimeSide]:
        """What may be changed while running, and who reads whether it was."""
        settings, clock, telemetry = self.settings, self.clock, self.telemetry
        self.limits = RateLimits(settings.trusted_proxies)
        self.limits.is_on = settings.rate_limits
        live = steered(
            settings,
            sign_in=self.sign_in,
            cache=self.cache,
            changes=self.changes,
            shared=self.shared,
            accounts=self.accounts,
            pool=self.pool,
            bulkhead=bulkhead,
            abandoned=self.abandoned,
            door=door,
            referrals=self.referrals,
            jobs=self.jobs,
            keyring=self.keyring,
            limits=self.limits,
            logs=self.logs,
            sign_in_log=self.sign_in_log,
            figures=telemetry.figures,
            clock=clock,
        )
        silent_for_s = self.follow_changes.silent_for_s
        runtime = RuntimeSide(
            settings, self.pool, aside, clock, live.apply, self.log, silent_for_s, telemetry.figures, telemetry.sight
        )
        self.console.steer(runtime.live, runtime.seen, self.jobs.watch, self.jobs.referrals)
        return live, runtime

    def _breaker_changed(self, change: BreakerChanged) -> None:
        # The connections of an outage may be dead without knowing it: nobody is to be lent one when it is over.
        if change.after == Phase.OPEN.value and not self.tasks.is_full:
            self.tasks.spawn(self.pool.drop(), "drop connections")

    def _redis_call(self) -> Guard:
        call = NeighbourCall(self.redis_bulkhead, self.redis_breaker, self.clock, self.abandoned)

        async def guard(work: Callable[[], Awaitable[T]], operation: str) -> T:
            deadline = Deadline.after(self.clock.monotonic_s(), LIMIT_S)
            return await call(work, key=operation, deadline=deadline, own_limit_s=LIMIT_S, operation=operation)

        return guard

    def _redis(self, url: str, guard: Guard | None) -> RedisCache:
        sealer = Sealer(tuple(key for _, key in self.keyring.cache_keys), self.entropy)
        return RedisCache(
            url,
            Codec(sealer),
            self.clock,
            self.entropy,
            ttl_s=self.settings.auth_cache_ttl_s,
            last_known_good_max_age_s=self.settings.last_known_good_max_age_s,
            abandoned=self.abandoned,
            guard=guard,
        )

    async def _probe_redis(self) -> None:
        if self.redis_probe is None or not await self.redis_probe.ping():
            raise NeighbourUnavailable("redis", "does not answer")

    async def start(self) -> None:
        """Begin to serve; waits ``START_LIMIT_S`` at most for neighbours, and refuses a database that does not fit."""
        self.telemetry.start()
        await self.keys.start()
        await self.runtime.start()
        await self.pool.open()
        self.supervisor.start("watch jobs", self.jobs.watch.run)
        if self.shared is not None:
            await self.shared.ping()  # the first to sign in are not to lose their 50 ms to connecting
        await self._meet_database()
        self.supervisor.start("follow changes", self.follow_changes.run)
        self.supervisor.start("follow settings", self.runtime.run)
        self.supervisor.start("probe postgres", self.prober.run)
        self.supervisor.start("probe redis", self.redis_prober.run)
        if self.shared is not None:
            self.supervisor.start("ask redis", Heartbeat(self.shared.ping, self.redis_breaker).run)
        self.supervisor.start("look", lambda: self.console.look(self.health.look))

    async def _meet_database(self) -> None:
        """Refuse a database that does not fit, and hear what changed; all of it within ``START_LIMIT_S``."""

        async def meet() -> None:
            await check_database(self.directory, self.keyring, self.log)
            await self.follow_changes.once()

        try:
            await guarded(
                meet,
                limit_s=START_LIMIT_S,
                operation="start",
                neighbour="postgres",
                clock=self.clock,
                abandoned=self.abandoned,
            )
        except NotKnown:
            self.log.warning("The database does not answer: starting without it")

    async def close(self) -> None:
        """End everything, each part within a second."""
        await self.supervisor.close(CLOSE_LIMIT_S)
        await self.tasks.close(CLOSE_LIMIT_S)
        await self.flights.close(CLOSE_LIMIT_S)
        await self.referrals.close(CLOSE_LIMIT_S)
        await self.console.close(CLOSE_LIMIT_S)
        await self.abandoned.close(CLOSE_LIMIT_S)
        await self.keys.close()
        for redis in (self.shared, self.redis_probe):
            if redis is not None:
                await redis.close(CLOSE_LIMIT_S)
        await self.pool.close()
        await self.telemetry.close(CLOSE_LIMIT_S)
        self.logs.writer.close()

    @contextlib.asynccontextmanager
    async def for_operators(self) -> AsyncIterator[People]:
        """What a command needs and no more: the database's pool, and Redis where there is one."""
        await self.pool.open()
        try:
            yield self.people
        finally:
            await self.close()

    def parts(self) -> Parts:
        """What the web side is made of."""
        settings = self.settings
        listener = Listener.ONLY if settings.ops_listen is None else Listener.PUBLIC
        routers = [admin_routes(self.console.programs), self.referrals.routes(settings.auth_query_timeout_s)]
        routers.append(self.console.routes())
        if self.issuer is not None:
            routers.append(development_routes(self._issue(self.issuer)))
        return Parts(
            sign_in=self.sign_in,
            clock=self.clock,
            entropy=self.entropy,
            auth_query_timeout_s=settings.auth_query_timeout_s,
            cors_origins=settings.cors_origins,
            ops=OpsRules(settings.admin_token, listener, settings.ops_listen[1] if settings.ops_listen else None),
            extra_routers=tuple(routers),
            health=self._health,
            is_ready=self.health.can_serve_anybody,
            startup=self.start,
            shutdown=self.close,
            report=self.console.report(self.telemetry.report(self.sign_in_log)),
            metrics=self.telemetry.page,
            limits=self.limits,
        )

    async def _health(self) -> dict[str, Any]:
        return told(self.health.report(), self.console.view.situation())

    def _issue(self, issuer: DevIssuer) -> Callable[[object, object], dict[str, Any]]:
        return lambda privy_id, accounts: issuer.issue(privy_id, accounts, self.clock.utc_now_s())


def build(settings: Settings) -> SignInRoute:
    """The ASGI application of ``settings``; its lifespan starts and ends everything."""
    service = Service(settings, logs_of(settings))
    service.steered.route = route = create_app(service.parts())
    return service.telemetry.around(route)


def application() -> SignInRoute:
    """What uvicorn serves: the application by the environment, as ``gatewayz-auth serve`` has set it."""
    dev = os.environ.get("GATEWAYZ_AUTH_DEV") == "1"
    return build(read_settings(load_environment(Path.cwd()), dev=dev))
