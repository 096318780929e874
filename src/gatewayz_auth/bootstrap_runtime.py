"""Composed for ``bootstrap`` and the worker: what is changed while running, and whom it is told."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayz_auth.adapters.postgres.runtime_settings import PostgresRuntime
from gatewayz_auth.adapters.postgres.users import PostgresAccounts
from gatewayz_auth.adapters.runtime_files import RuntimeFiles
from gatewayz_auth.adapters.threads import BoundedThreads
from gatewayz_auth.domain.errors import NotKnown, Overloaded
from gatewayz_auth.reliability.breaker_machine import BreakerLimits
from gatewayz_auth.reliability.circuit_breaker import CircuitBreaker
from gatewayz_auth.reliability.neighbour_call import NeighbourCall
from gatewayz_auth.service.auth_cache import CachePolicy
from gatewayz_auth.service.cohorts import Cohorts, Direct
from gatewayz_auth.service.live_settings import Live
from gatewayz_auth.service.referrals import InlineReferrals
from gatewayz_auth.service.rollout import RUNNING
from gatewayz_auth.service.rollout_watch import FIGURE, RolloutWatch
from gatewayz_auth.settings.live import changed
from gatewayz_auth.web.answers import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.adapters.figures.figures import Figures
    from gatewayz_auth.adapters.keyring import Keyring
    from gatewayz_auth.adapters.logs import Logs
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.changes import PostgresChanges
    from gatewayz_auth.adapters.postgres.pool import Pool
    from gatewayz_auth.adapters.redis.cache import RedisCache
    from gatewayz_auth.adapters.sign_in_log import SignInLog
    from gatewayz_auth.bootstrap_jobs import JobSide
    from gatewayz_auth.bootstrap_referrals import ReferralSide
    from gatewayz_auth.reliability.abandoned import Abandoned
    from gatewayz_auth.reliability.bulkhead import Bulkhead
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.door import Door
    from gatewayz_auth.service.auth_cache import AuthCache
    from gatewayz_auth.service.overview import Sight
    from gatewayz_auth.service.runtime_settings import Effective
    from gatewayz_auth.service.sign_in import SignIn
    from gatewayz_auth.settings import Settings
    from gatewayz_auth.web.rate_limits import RateLimits
    from gatewayz_auth.web.sign_in import SignInRoute

T = TypeVar("T")

READ_EVERY_S = 1.0
READ_LIMIT_S = 1.0
DISK_LIMIT_S = 0.5
AWAY_AFTER_S = 3.0
"""So long the database may be silent before it is not asked here: the reader of changes says when it is back."""

_NEVER = BreakerLimits(strikes=1 << 30, slow_call_s=1e9, slow_call_max_s=1e9, share_calls=1 << 30)


class RuntimeSide:
    """Reads what was changed once a second and tells ``apply``; holds what it read last while the database is away."""

    def __init__(  # noqa: PLR0913 - the parts it is made of
        self,
        settings: Settings,
        pool: Pool,
        call: Call,
        clock: Clock,
        apply: Callable[[Effective, Settings], None],
        log: Any,  # noqa: ANN401 - structlog's own
        silent_for_s: Callable[[], float] = lambda: 0.0,
        figures: Figures | None = None,
        sight: Sight | None = None,
    ) -> None:
        """Read nothing yet."""
        self._settings = settings
        self._clock = clock
        self._apply = apply
        self._silent_for_s = silent_for_s
        self._figures = figures
        self._sight = sight
        self._store = PostgresRuntime(pool, call, clock, READ_LIMIT_S)
        self._files = RuntimeFiles(Path(settings.state_dir))
        self._threads = BoundedThreads("runtime", 2)
        self._log = log
        self._watch = RolloutWatch()
        self._held = -1
        self.live = Live(self._applied, clock)

    async def start(self) -> None:
        """Begin with what this host held, before anybody is served."""
        held = await self._off_loop(self._files.held, None)
        here = await self._off_loop(self._files.here, None)
        self._say(self.live.heard(held, here))

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            await self.once()
            await asyncio.sleep(READ_EVERY_S)

    async def once(self) -> None:
        """Read this host's word, then the database's where it is not known to be away, and act."""
        here = await self._off_loop(self._files.here, self.live.here)
        self._say(self.live.heard(None, here))
        if self._silent_for_s() >= AWAY_AFTER_S:
            return
        try:
            runtime = await self._store.read()
        except NotKnown:
            return
        self._say(self.live.heard(runtime, here))
        if runtime.version != self._held:
            self._held = runtime.version
            await self._off_loop(lambda: self._files.hold(runtime), None)
        await self._pay_what_is_owed()
        await self._judge()

    async def seen(self) -> dict[str, Any]:
        """What this host has seen of both cohorts since the stage began; empty where the disk does not say in time."""
        rollout, nothing = self.live.runtime.rollout, dict[str, Any]()
        return nothing if rollout is None else await self._off_loop(self._files.seen, nothing)

    def _applied(self, wanted: Effective) -> None:
        settings = changed(self._settings, wanted.settings)
        before = self.live.now
        self._apply(wanted, settings)
        names = sorted(name for name, value in wanted.settings.items() if before.settings.get(name) != value)
        names += [f"{name} (as before)" for name in before.settings if name not in wanted.settings]
        said = ", ".join(names)
        if wanted.share != before.share:
            said = f"{said}; " * bool(said) + f"safety features are on for {wanted.share:g} % of people"
        said = said or f"people are {'' if wanted.is_counting else 'no longer '}counted by cohort"
        self._log.warning(f"Changed while running: {said}")
        if self._figures is not None:
            self._figures.happened("settings", said)

    async def _pay_what_is_owed(self) -> None:
        if not await self._off_loop(self._files.is_owing, default=False):
            return
        with contextlib.suppress(OSError), self._files.owed() as entries:
            while entries:
                try:
                    await self._store.note(**entries[0])
                except NotKnown:
                    return
                entries.pop(0)

    async def _judge(self) -> None:
        rollout = self.live.runtime.rollout
        if rollout is None or not rollout.is_counting or self._sight is None:
            return
        nothing: dict[str, Any] = {}
        seen = await self._off_loop(self._files.seen, nothing)
        now_s = self._clock.utc_now_s()
        self._watch.look(rollout, self._sight.totals().histograms.get(FIGURE, {}), seen)
        shown = self._watch.as_json(now_s)
        await self._off_loop(lambda: self._files.see(shown), None)
        after = self._watch.next(rollout, now_s) if rollout.state == RUNNING else None
        if after is None:
            return
        with contextlib.suppress(NotKnown):  # the next second will do
            runtime = replace(self.live.runtime, rollout=after)
            subject = f"rollout at {rollout.share} %"
            if await self._store.change(runtime, "gatewayz-auth", f"rollout {after.state}", subject, after.why[:500]):
                self._log.warning(f"The rollout goes to {after.share} %: {after.why}")

    async def _off_loop(self, work: Callable[[], T], default: T) -> T:
        """What ``work`` answers in a thread; ``default`` where the disk is of no use, or keeps us waiting."""
        try:
            working = asyncio.wrap_future(self._threads.submit(work))
        except Overloaded:
            return default
        await asyncio.wait((working,), timeout=DISK_LIMIT_S)
        if not working.done() or working.exception() is not None:
            working.add_done_callback(lambda done: done.cancelled() or done.exception())
            return default
        return working.result()

    def _say(self, sentence: str | None) -> None:
        if sentence is not None:
            self._log.warning(sentence)


@dataclass(slots=True)
class Steered:
    """All of one process that works by settings that may change; ``route`` comes when it is made."""

    sign_in: SignIn
    cache: AuthCache
    changes: PostgresChanges
    shared: RedisCache | None
    accounts: PostgresAccounts
    direct: PostgresAccounts
    plain: Direct
    inline: InlineReferrals
    door: Door
    referrals: ReferralSide
    jobs: JobSide
    limits: RateLimits
    logs: Logs
    sign_in_log: SignInLog
    figures: Figures
    clock: Clock
    route: SignInRoute | None = None

    def apply(self, wanted: Effective, settings: Settings) -> None:
        """Have all of it work by ``settings``, and each person go the way of their cohort."""
        lookup_s = settings.user_lookup_timeout_s
        self.cache.follow(
            CachePolicy(
                ttl_s=settings.auth_cache_ttl_s,
                last_known_good_max_age_s=settings.last_known_good_max_age_s,
                patience_s=settings.lookup_patience_s,
                lookup_limit_s=lookup_s,
            )
        )
        self.changes.follow(settings.last_known_good_max_age_s)
        if self.shared is not None:
            self.shared.ttl_s = settings.auth_cache_ttl_s
            self.shared.last_known_good_max_age_s = settings.last_known_good_max_age_s
        self.accounts.lookup_limit_s = self.door.limit_s = lookup_s
        self.direct.lookup_limit_s = settings.auth_query_timeout_s
        self.referrals.follow(lookup_s)
        self.jobs.follow(settings.referral_mode)
        self.inline.is_on = settings.referral_mode != "nightly"
        self.sign_in.policy = replace(
            self.sign_in.policy, signups=settings.signups, signup_domains=settings.signup_domains
        )
        self.limits.is_on = settings.rate_limits
        self.logs.write_from(settings.log_level)
        self.sign_in_log.follow()
        if self.route is not None:
            self.route.allow(settings.auth_query_timeout_s)
            self.route.limit(self.limits)
        self._send(wanted)

    def _send(self, wanted: Effective) -> None:
        if wanted.is_counting:
            self.sign_in.answers = Cohorts(self.plain, self.cache, wanted.share, self._count, self.clock)
        elif wanted.share <= 0:
            self.sign_in.answers = self.plain
            self.cache.process.clear()
        else:
            self.sign_in.answers = self.cache

    def _count(self, cohort: str, result: str, took_s: float) -> None:
        self.figures.observe(FIGURE, took_s, cohort, result)


def steered(  # noqa: PLR0913 - the parts it steers
    settings: Settings,
    *,
    sign_in: SignIn,
    cache: AuthCache,
    changes: PostgresChanges,
    shared: RedisCache | None,
    accounts: PostgresAccounts,
    pool: Pool,
    bulkhead: Bulkhead,
    abandoned: Abandoned,
    door: Door,
    referrals: ReferralSide,
    jobs: JobSide,
    keyring: Keyring,
    limits: RateLimits,
    logs: Logs,
    sign_in_log: SignInLog,
    figures: Figures,
    clock: Clock,
) -> Steered:
    """What is steered, and the way without safety features: the same queue and pool, no breaker, nothing remembered."""
    call = NeighbourCall(bulkhead, CircuitBreaker("postgres", _NEVER, clock), clock, abandoned)
    direct = PostgresAccounts(pool, call, clock, settings.auth_query_timeout_s)
    inline = InlineReferrals(direct, jobs.referrals, clock)
    inline.is_on = settings.referral_mode != "nightly"
    plain = Direct(inline, keyring, render)
    return Steered(
        sign_in, cache, changes, shared, accounts, direct, plain, inline, door, referrals, jobs, limits, logs,
        sign_in_log, figures, clock,
    )  # fmt: skip


__all__ = ["RuntimeSide", "Steered", "steered"]
