"""One drill: both programs on one frozen database, the same callers at the same instants."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import redis
from psycopg.conninfo import conninfo_to_dict
from tests.support.faulty_proxy import FaultyProxy

from drill import before, processes
from drill.breakers import Stretch, worst_of
from drill.load import Callers, come, exchange, until
from drill.people import body_of, privy_id
from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.postgres.migrate import migrate
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.service.load_plan import Arrival, Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drill.calls import Seen
    from drill.plan import Plan
    from drill.processes import Program

_CLOCK = SystemClock()
_AT_ONCE = 4
_ROUNDS = 8
_WRITTEN_WITHIN_S = 0.3
_LEAD_S = 0.5


@dataclass(frozen=True, slots=True)
class Drill:
    """What was found: what callers of both saw, how the breakers stood, and when it was."""

    plan: Plan
    before: Seen
    now: Seen
    database_breaker: tuple[Stretch, ...]
    redis_breaker: tuple[Stretch, ...]
    began_utc_s: float


def through(database_url: str, proxy: FaultyProxy) -> str:
    """The same database with ``proxy`` between."""
    name = conninfo_to_dict(database_url)["dbname"]
    return f"postgresql://postgres@{proxy.host}:{proxy.port}/{name}?sslmode=disable&gssencmode=disable"


def settings_of(issuer: DevIssuer, folder: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """The service's environment, as in production; limits by address are off: all callers have one address here."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PRIVY_APP_ID": issuer.app_id,
        "PRIVY_VERIFICATION_KEY": issuer.public_pem,
        "API_KEY_SECRET": SystemEntropy().token("abcdefghijklmnopqrstuvwxyz0123456789", 48),
        "STATE_DIR": str(folder / "state"),
        "LOG_FORMAT": "json",
        "RATE_LIMITS": "off",
    }


def drill(plan: Plan, folder: Path, say: Callable[[str], None]) -> Drill:
    """Carry it out in ``folder``; ``say`` hears what is going on. Takes up to 45 s longer than the plan."""
    with ExitStack() as stack:
        say("Starting Postgres, Valkey, the service and the sign-in of before ...")
        issuer = DevIssuer(folder / "issuer", SystemEntropy())
        url = stack.enter_context(EmbeddedPostgres(folder / "postgres", _CLOCK)).url
        redis_url = stack.enter_context(EmbeddedValkey(folder / "valkey", _CLOCK)).url
        asyncio.run(migrate(url))
        known = [privy_id(Kind.RETURNING, person) for person in range(plan.returning_people)]
        before.make_tables(url, known)
        proxy = stack.enter_context(FaultyProxy(f"{conninfo_to_dict(url)['host']}/.s.PGSQL.5432"))
        proxy.delay(plan.query_s)
        address = through(url, proxy)
        environ = settings_of(issuer, folder, address, redis_url)
        ours = stack.enter_context(processes.now(plan.workers, {**environ, "AUTH_CACHE_TTL": f"{plan.fresh_for_s:g}"}))
        theirs = stack.enter_context(
            processes.before(plan.workers, {before.DATABASE_URL: address, before.VERIFICATION_KEY: issuer.public_pem})
        )
        for program in (ours, theirs):
            program.wait_until_it_listens()
        stack.callback(proxy.thaw)  # so that nobody is asked to end while the database is frozen
        return asyncio.run(_Course(plan, issuer, proxy, ours, theirs, _ids_of_before(url), redis_url, say).run())


def _ids_of_before(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT privy_user_id, id FROM before.users").fetchall()
    return {who: user_id for who, user_id in rows if who != before.REFERRER}


@dataclass(frozen=True)
class _Course:
    """The course of one drill: people sign up, then the load, with the freeze in its middle."""

    plan: Plan
    issuer: DevIssuer
    proxy: FaultyProxy
    ours: Program
    theirs: Program
    known_before: dict[str, int]
    redis_url: str
    say: Callable[[str], None]

    async def run(self) -> Drill:
        plan = self.plan
        arrivals = plan.arrivals()
        bodies = [body_of(arrival, self.issuer, _CLOCK.utc_now_s()) for arrival in arrivals]
        now = Callers(self.ours.port, "/livez", await self._make_known())
        then = Callers(self.theirs.port, "/ping", self.known_before)
        self.say(f"{len(arrivals)} callers come to each within {plan.seconds:g} s ...")
        began_s = _CLOCK.monotonic_s() + _LEAD_S
        began_utc_s = _CLOCK.utc_now_s() + _LEAD_S
        async with asyncio.TaskGroup() as group:
            for callers in (now, then):
                group.create_task(callers.keep_pinging(plan.seconds, began_s))
            group.create_task(self._freeze(began_s))
            group.create_task(come([now, then], arrivals, bodies, began_s))
        database, redis = (
            worst_of(neighbour, self.ours.changes, plan.workers, began_utc_s, plan.seconds)
            for neighbour in ("postgres", "redis")
        )
        return Drill(plan, then.seen(), now.seen(), database, redis, began_utc_s)

    async def _freeze(self, began_s: float) -> None:
        await until(began_s + self.plan.frozen_from_s)
        self.proxy.freeze()
        self.say("The database is frozen ...")
        await until(began_s + self.plan.frozen_until_s)
        self.proxy.thaw()
        self.proxy.delay(self.plan.query_s)
        self.say("The database answers again ...")

    async def _make_known(self) -> dict[str, int]:
        """Sign everybody who is to return up, until all are remembered in Redis too, as after days of use.

        A start on a busy machine answers people and may lose what it was to remember. Who has which id.
        """
        people = list(range(self.plan.returning_people))
        ids = await self._sign_in(people)
        for _ in range(_ROUNDS):
            await asyncio.sleep(_WRITTEN_WITHIN_S)
            people = await asyncio.to_thread(self._not_in_redis, people)
            if not people:
                return ids
            await asyncio.sleep(self.plan.fresh_for_s)  # nobody is remembered anew while their answer is fresh
            await self._sign_in(people)
        raise RuntimeError("the machine is too busy for a drill: Redis does not take what it is to remember")

    def _not_in_redis(self, people: list[int]) -> list[int]:
        with redis.Redis.from_url(self.redis_url) as client:
            return [
                person
                for person in people
                if not client.exists(f"auth:last_known_good:{privy_id(Kind.RETURNING, person)}")
            ]

    async def _sign_in(self, people: list[int]) -> dict[str, int]:
        """Sign ``people`` in with the service, a few at a time; who has which id."""
        ids: dict[str, int] = {}
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(person: int) -> None:
            arrival = Arrival(0.0, Kind.RETURNING, person)
            async with turns:
                body = body_of(arrival, self.issuer, _CLOCK.utc_now_s())
                status, _, said = await exchange(self.ours.port, "POST", "/api/auth", body)
            if status != 200:  # noqa: PLR2004 - HTTP
                raise RuntimeError(f"nobody can sign up before the drill: {status}")
            ids[privy_id(Kind.RETURNING, person)] = said["user_id"]

        async with asyncio.TaskGroup() as group:
            for person in people:
                group.create_task(one(person))
        return ids
