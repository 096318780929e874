"""Faults between the worker and its database, and workers that die: nothing hangs, spins or is doubled."""

import asyncio
import os
import sys
import time
from pathlib import Path

import psycopg
import pytest
from tests.support.accounts import CLOCK
from tests.support.faults import before_postgres, through_postgres
from tests.support.newcomers import wanted
from tests.support.referring import Town
from tests.support.serving import Serving, free_port

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.pool import Pool
from gatewayz_auth.adapters.postgres.queue_statements import QueueStatements
from gatewayz_auth.adapters.procrastinate.queue import DEAD_AFTER_S, SETTLE_REFERRALS, TAKE_OVER_EVERY_S, Queue
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.entropy import SystemEntropy

FROZEN_S = float(os.environ.get("FROZEN_S", "6"))  # longer than every limit of the worker's own; 60 takes a minute
GOES_ON_WITHIN_S = 5.0
SPINS_ABOVE = 0.5  # of one core
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@pytest.fixture(scope="module")
def town(postgres_server):
    url = postgres_server.database()
    made = Town(url)
    asyncio.run(made.referrer())
    yield made
    made.close()
    postgres_server.drop(url)


@pytest.fixture(scope="module")
def proxy(town):
    with before_postgres(town.url) as made:
        yield made


@pytest.fixture(scope="module")
def worker(town, proxy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("worker")
    environ = {
        "DATABASE_URL": through_postgres(proxy, town.url),
        "PRIVY_APP_ID": "app",
        "PRIVY_JWKS_URL": "https://keys.example.com/jwks.json",
        "API_KEY_SECRET": "a-secret-of-the-fault-tests-and-of-nobody-else",
        "STATE_DIR": str(folder / "state"),
        "LOG_FORMAT": "json",
    }
    port = free_port()
    words = [sys.executable, "-P", "-m", "gatewayz_auth.cli", "worker", "--port", str(port)]
    with Serving(folder, port=port, environ=environ, command=words) as serving:
        serving.wait_for("Working")
        yield serving


def newcomers(town, count=3):
    return asyncio.run(town.join(*(wanted(referral_code="ABC123") for _ in range(count))))


def is_done(town):
    return town.sql("SELECT count(*) FROM referrals WHERE status = 'pending'") == [(0,)]


def worked_off(town, worker, limit_s=20):
    assert wait_until(lambda: is_done(town), CLOCK, limit_s), worker.output[-3000:]


def dead_connections(proxy):
    proxy.thaw(old_connections_stay_dead=True)


FAULTS = {
    "frozen, and thawed": (FROZEN_S, lambda proxy: proxy.freeze(), lambda proxy: proxy.thaw()),
    "frozen, old connections stay dead": (FROZEN_S, lambda proxy: proxy.freeze(), dead_connections),
    "refusing": (3.0, lambda proxy: proxy.refuse(), lambda proxy: proxy.thaw()),
}


@pytest.mark.parametrize("fault", FAULTS, ids=[name.replace(" ", "_").replace(",", "") for name in FAULTS])
def test_worker_neither_hangs_nor_spins_and_goes_on_when_its_database_is_back(fault, town, proxy, worker):
    length_s, begin, end = FAULTS[fault]
    newcomers(town)
    worked_off(town, worker)
    begin(proxy)
    people = newcomers(town)  # past the proxy: the service has other connections than the worker
    before_s = cpu_s(worker.process.pid)
    time.sleep(length_s)  # time itself is the condition
    share = (cpu_s(worker.process.pid) - before_s) / length_s
    end(proxy)
    began_s = CLOCK.monotonic_s()
    worked_off(town, worker)
    took_s = CLOCK.monotonic_s() - began_s
    assert took_s < GOES_ON_WITHIN_S
    assert share < SPINS_ABOVE
    assert {town.outcome(user_id) for user_id in people} == {("rewarded", None)}
    assert town.paid_twice() == town.out_of_balance() == []


def test_reset_connections_cost_the_worker_nothing_but_a_moment(town, proxy, worker):
    for _ in range(5):
        newcomers(town, 2)
        proxy.reset()
    worked_off(town, worker)
    assert town.paid_twice() == town.out_of_balance() == []


def test_locked_table_of_jobs_keeps_no_referral_from_being_worked_off(town, worker):
    with psycopg.connect(town.url) as holder:
        holder.execute("LOCK TABLE gatewayz_auth.procrastinate_jobs IN ACCESS EXCLUSIVE MODE")
        newcomers(town, 2)
        worked_off(town, worker)
        holder.rollback()


def test_jobs_of_a_worker_that_died_are_taken_over_within_a_minute(database_url):
    assert DEAD_AFTER_S + TAKE_OVER_EVERY_S < 60
    town = Town(database_url)
    asyncio.run(town.join(wanted(referral_code="NOBODY")))
    town.sql("SET search_path = gatewayz_auth, public")
    ((worker_id,),) = town.sql(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s)) RETURNING id",
        DEAD_AFTER_S + 1,
    )
    town.sql("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", worker_id)
    done = []

    async def story():
        abandoned = Abandoned()
        pool = Pool(database_url, max_size=2, min_size=0, clock=CLOCK, tasks=abandoned.tasks)
        await pool.open()

        async def work():
            done.append(1)
            queue.stop()

        execute = QueueStatements(pool, GuardedCall(CLOCK, abandoned), CLOCK, 2.0)
        queue = Queue(execute, {SETTLE_REFERRALS: work}, SystemEntropy())
        assert await queue.take_over() == 1
        assert await queue.take_over() == 0
        await queue.run()
        await pool.close()
        await abandoned.close(1.0)

    asyncio.run(story())
    assert done == [1]
    assert town.sql("SELECT FROM procrastinate_jobs") == town.sql("SELECT FROM procrastinate_workers") == []
    town.close()
