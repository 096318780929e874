"""The monitor reads whatever pool a program has, and a pool that cannot be read hurts nobody."""

from __future__ import annotations

import asyncio
import logging

import httpx
import psycopg_pool
import pytest

from gatewayz_auth import connection_pool_monitor as monitor
from gatewayz_auth.adapters.postgres.connection_pool_monitor import BandWatch
from gatewayz_auth.adapters.postgres.pool import Pool
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.owned_tasks import OwnedTasks


@pytest.fixture(autouse=True)
def registered_nothing():
    monitor.register_pool(None)
    yield
    monitor.register_pool(None)


def counts():
    stats = monitor.get_supabase_pool_stats()
    return stats.active_connections, stats.idle_connections, stats.max_pool_size


def test_a_psycopg_pool_is_read(empty_database_url):
    with psycopg_pool.ConnectionPool(empty_database_url, min_size=2, max_size=4, open=True) as pool:
        pool.wait()
        monitor.register_pool(pool)
        with pool.connection():
            assert counts() == (1, 1, 4)


def test_a_sqlalchemy_engine_and_its_pool_are_read(empty_database_url):
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="needs sqlalchemy: pip install sqlalchemy")
    url = empty_database_url.replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(url, pool_size=3, max_overflow=2)
    for pool in (engine, engine.pool):
        monitor.register_pool(pool)
        with engine.connect():
            assert counts() == (1, 0, 5)
    engine.dispose()


def test_our_own_pool_is_read():
    pool = Pool("postgresql://127.0.0.1:1/none", max_size=7, clock=SystemClock(), tasks=OwnedTasks("pool", 8))
    monitor.register_pool(pool)
    assert counts() == (0, 0, 7)


def test_an_http_client_is_read():
    with httpx.Client(limits=httpx.Limits(max_connections=9)) as client:
        monitor.register_pool(client)
        assert counts() == (0, 0, 9)


@pytest.mark.parametrize("foreign", [object(), 7, "pool"])
def test_what_is_no_pool_is_none(foreign):
    monitor.register_pool(foreign)
    assert monitor.get_supabase_pool_stats() is None


def test_a_pool_that_raises_is_none_and_hurts_nobody(caplog):
    class Broken:
        def get_stats(self):
            raise RuntimeError("gone")

    monitor.register_pool(Broken())
    assert monitor.get_supabase_pool_stats() is None
    monitor.log_pool_diagnostics()
    assert monitor.check_pool_health_and_warn() == "UNKNOWN"


def test_utilization_is_never_rounded_up_into_the_next_band(monkeypatch, caplog):
    stats = monitor.ConnectionPoolStats()
    stats.active_connections, stats.max_pool_size = 949, 1000
    monkeypatch.setattr(monitor, "get_supabase_pool_stats", lambda: stats)
    with caplog.at_level(logging.INFO, "gatewayz_auth"):
        monitor.log_pool_diagnostics()
    assert "utilization=94%, health=WARNING" in caplog.text


def test_the_periodic_check_survives_a_failing_look(monkeypatch, caplog):
    looks = []

    def fail():
        looks.append(1)
        raise RuntimeError("gone")

    monkeypatch.setattr(monitor, "check_pool_health_and_warn", fail)

    async def scenario():
        task = asyncio.ensure_future(monitor.periodic_pool_health_check(0.001))
        while len(looks) < 3:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())
    assert "could not be checked: RuntimeError" in caplog.text


def test_an_interval_of_nothing_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        asyncio.run(monitor.periodic_pool_health_check(0))


def pool_of(active, most=100):
    stats = monitor.ConnectionPoolStats()
    stats.active_connections, stats.max_pool_size = active, most
    return stats


def test_stress_is_said_once_on_entering_and_once_on_leaving(monkeypatch, caplog):
    found = [10, 85, 85, 85, 97, 97, 85, 10, 10]
    looks = iter(found)
    monkeypatch.setattr(monitor, "get_supabase_pool_stats", lambda: pool_of(next(looks)))
    with caplog.at_level(logging.WARNING, "gatewayz_auth"):
        for _ in found:
            monitor.check_pool_health_and_warn()
    assert [record.getMessage() for record in caplog.records] == [
        "Connection pool is stressed: utilization=85%, status=WARNING",
        "Connection pool is stressed: utilization=97%, status=CRITICAL",
        "Connection pool is stressed: utilization=85%, status=WARNING",
        "Connection pool is no longer stressed: utilization=10%, status=HEALTHY",
    ]


def test_another_pool_that_is_stressed_is_said_anew(caplog):
    class Full:
        def get_stats(self):
            return {"pool_size": 10, "pool_available": 0, "pool_max": 10}

    for _ in range(2):
        monitor.register_pool(Full())
        monitor.check_pool_health_and_warn()
    assert len(caplog.records) == 2


def test_a_pool_that_is_full_for_a_moment_is_not_worth_a_word():
    watch = BandWatch(enter_after=3, leave_after=2)
    said = [watch.line(pool_of(active)) for active in (100, 100, 10, 100, 100, 100, 10, 100, 10, 10)]
    assert [number for number, line in enumerate(said) if line] == [5, 9]
