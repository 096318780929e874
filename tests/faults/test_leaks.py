"""Callers who leave at any moment leave nothing behind: no connection, no task, no permit, nobody else's reply."""

import asyncio
import contextlib
import random

import pytest
from tests.support.faults import before_postgres, through_postgres

from gatewayz_auth.adapters import logs
from gatewayz_auth.bootstrap import Service
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.settings import read_settings
from gatewayz_auth.web.wire import parse

CALLERS = 200
SEED = 20261124


@pytest.fixture
def built(tmp_path, database_url, redis_url):
    """The service in this process, not started, behind a proxy before its database."""
    with before_postgres(database_url) as proxy:
        environ = {
            "DATABASE_URL": through_postgres(proxy, database_url),
            "REDIS_URL": redis_url,
            "STATE_DIR": str(tmp_path),
            "API_KEY_SECRET": "a-secret-of-the-fault-tests-and-of-nobody-else",
            "LOG_LEVEL": "CRITICAL",
            "DATABASE_POOL_SIZE": "4",
            "AUTH_CACHE_TTL": "1",
        }
        settings = read_settings(environ, dev=True)
        yield Service(settings, logs.configure("CRITICAL", "json", None)), proxy


def request_of(service, privy_id):
    import orjson

    issued = service.issuer.issue(privy_id, [], service.clock.utc_now_s())
    return parse(orjson.dumps({"token": issued["token"], "user": issued["user"]}), None, None)


async def sign_in(service, privy_id):
    request = request_of(service, privy_id)
    signed = service.sign_in.prove(request)
    fresh = service.sign_in.fresh(request, signed)
    if fresh is not None:
        return fresh
    return await service.sign_in.answer(request, signed, Deadline.after(service.clock.monotonic_s(), 3.0))


async def until(condition, limit_s=10.0):
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.01)


def holds(service):
    """What is under way, by name; all zero where nobody is asked for anything."""
    stats = service.pool.stats()
    return {
        "connections in use": stats.active,
        "waiting for a connection": stats.waiting,
        "operations": sum(stats.by_operation.values()),
        "permits": service.breaker.permits_out,
        "redis permits": service.redis_breaker.permits_out,
        "flights": len(service.flights),
        "abandoned": service.abandoned.running("postgres") + service.abandoned.running("redis"),
        "guarded": len(service.abandoned.tasks),
    }


async def is_quiet(service):
    # the reader of changes comes by twice a second, so that single looks may find its one connection in use
    await until(lambda: not any(holds(service).values()))


async def storm(service, proxy, rng, after_each):
    """``CALLERS`` sign-ins, three of four cut off at a random moment; the answers of those who stayed."""
    answers = {}

    async def caller(number):
        await asyncio.sleep(rng.uniform(0, 0.6))
        name = f"did:privy:caller-{number % 40}"
        with contextlib.suppress(NotKnown, asyncio.CancelledError):
            answers.setdefault(name, set()).add((await sign_in(service, name)).user_id)

    tasks = [asyncio.ensure_future(caller(number)) for number in range(CALLERS)]
    for number, task in enumerate(tasks):
        if number % 4:
            asyncio.get_running_loop().call_later(rng.uniform(0, 1.2), task.cancel)
    after_each(proxy)
    await asyncio.wait(tasks, timeout=8.0)
    assert all(task.done() for task in tasks)
    return answers


@pytest.mark.parametrize(
    "fault",
    [
        lambda proxy: None,
        lambda proxy: proxy.delay(0.05),
        lambda proxy: asyncio.get_running_loop().call_later(0.3, proxy.freeze),
        lambda proxy: asyncio.get_running_loop().call_later(0.3, proxy.reset),
        lambda proxy: asyncio.get_running_loop().call_later(0.3, proxy.freeze_in_answer),
    ],
    ids=["healthy", "far", "frozen_meanwhile", "reset_meanwhile", "frozen_in_mid-answer_meanwhile"],
)
def test_clients_gone_at_a_random_point_leave_nothing_behind(built, fault):
    service, proxy = built
    rng = random.Random(SEED)  # noqa: S311 - chance that can be repeated

    async def story():
        await service.start()
        try:
            before = len(asyncio.all_tasks())
            answers = await storm(service, proxy, rng, fault)
            proxy.thaw()
            await until_served(service)
            await is_quiet(service)
            await until(lambda: len(asyncio.all_tasks()) <= before + 2)  # a turn of the reader of changes
            assert service.pool.stats().size == 4
            again = {name: (await sign_in(service, name)).user_id for name in answers}
            assert all(ids <= {again[name]} for name, ids in answers.items() if ids)
            assert len(set(again.values())) == len(again)
        finally:
            await service.close()
        await until(lambda: len(asyncio.all_tasks()) == 1)

    asyncio.run(story())


async def until_served(service):
    async with asyncio.timeout(6.0):
        while True:
            with contextlib.suppress(NotKnown):
                await sign_in(service, "did:privy:patient")
                if service.breaker.phase == "closed":
                    return
            await asyncio.sleep(0.05)


def test_whatever_breaks_who_watches_the_jobs_it_goes_on(built):
    service, _ = built

    async def story():
        watch, real = service.jobs.watch, service.jobs.watch._read
        failures = [RuntimeError("of the loop, and of nobody's words")]

        async def breaks_once():
            if failures:
                raise failures.pop()
            return await real()

        watch._read = breaks_once
        await service.start()
        try:
            await until(lambda: watch.state is not None, 5.0)
        finally:
            await service.close()

    asyncio.run(story())
