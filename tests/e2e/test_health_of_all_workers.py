"""Health covers every worker, whichever of them is asked, and one that was killed no more."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import threading

import psycopg
import pytest
from tests.support.console_story import database_of
from tests.support.serving import CLOCK, Serving, standing_still, workers
from tests.support.withheld import Stopwatch

from gatewayz_auth.adapters.child_process import wait_until

POOL = 3
ANSWERS_WITHIN_S = 1.0


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    environ = {"DATABASE_POOL_SIZE": str(POOL), "RATE_LIMITS": "off"}
    with Serving(tmp_path_factory.mktemp("health"), "--workers", "2", environ=environ) as serving:
        yield serving.ready()


def only(service, pid):
    """Have ``pid`` alone answer; not for long, for workers that do not answer are replaced."""
    return standing_still(worker for worker in workers(service.process.pid) if worker != pid)


def pools(service):
    """The check ``pool`` as each of many connections is told it: some of them by either worker."""
    told = []
    for _ in range(12):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        took = Stopwatch(*workers(service.process.pid))
        connection.request("GET", "/api/auth/health")
        told.append(json.loads(connection.getresponse().read())["checks"]["pool"])
        connection.close()
        assert took.seconds < ANSWERS_WITHIN_S
    return told


def are_all(service, **wanted):
    return all(told[name] == value for told in pools(service) for name, value in wanted.items())


class Newcomers:
    """Somebody new after another, on a connection that is kept: all of them come to one worker."""

    def __init__(self, service, name):
        self._connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        self._name = name
        self.is_in = threading.Event()
        self.are_enough = threading.Event()
        self._thread = threading.Thread(target=self._come)
        self._thread.start()

    def _come(self):
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(self._connection):
            for number in itertools.count():
                person = {"privy_user_id": f"did:privy:{self._name}-{number}", "linked_accounts": []}
                self._post("/api/auth", self._post("/dev/token", person))
                self.is_in.set()
                if self.are_enough.is_set():
                    return

    def _post(self, path, body):
        self._connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        return json.loads(self._connection.getresponse().read())

    def end(self):
        self.are_enough.set()
        self._thread.join(10)


SLOW = """
CREATE FUNCTION public.take_time() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.12); RETURN NEW; END';
CREATE TRIGGER slow BEFORE INSERT ON gatewayz_auth.identities FOR EACH ROW EXECUTE FUNCTION public.take_time();
"""


def test_a_pool_drained_in_one_worker_is_told_by_either_until_the_drained_one_is_gone(service):
    assert wait_until(lambda: are_all(service, processes=2, status="healthy"), CLOCK, 10)
    drained, _ = workers(service.process.pid)
    with psycopg.connect(database_of(service), autocommit=True) as connection:
        connection.execute(SLOW)
    with contextlib.ExitStack() as stack:
        with only(service, drained):
            newcomers = [Newcomers(service, f"new-{n}") for n in range(3 * POOL)]
            for one in newcomers:
                stack.callback(one.end)
            assert wait_until(lambda: all(one.is_in.is_set() for one in newcomers), CLOCK, 10)
        wanted = {"status": "degraded", "band": "CRITICAL", "max": 2 * POOL}
        assert wait_until(lambda: are_all(service, **wanted), CLOCK, 5), pools(service)
        assert pools(service)[0]["detail"].startswith("In one of 2 processes 3 of 3 connections are in use")
        os.kill(drained, signal.SIGKILL)
        assert wait_until(lambda: are_all(service, status="healthy"), CLOCK, 5), pools(service)
