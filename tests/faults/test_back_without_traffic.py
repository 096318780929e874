"""After an outage that is over ``status`` says so, though nobody signs in."""

import contextlib
import http.client
import json
import subprocess
import sys

import pytest
from tests.support.faults import Faulted
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until

WELL_WITHIN_S = 5.0


@pytest.fixture
def world(tmp_path, database_url, redis_url):
    with Faulted(tmp_path, database_url, redis_url, AUTH_CACHE_TTL="1", USER_LOOKUP_TIMEOUT="2") as faulted:
        yield faulted


def status(world):
    """The exit code of ``status``, and what it says."""
    command = [sys.executable, "-P", "-m", "gatewayz_auth.cli", "status", "--url", world.serving.url]
    ended = subprocess.run(command, cwd=world.folder, capture_output=True, text=True, timeout=15, check=False)
    return ended.returncode, ended.stdout


def health(world):
    connection = http.client.HTTPConnection("127.0.0.1", world.serving.port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", "/api/auth/health")
        return json.loads(connection.getresponse().read())


def all_say(world, what):
    """Whether each of several askings is answered so: two workers have most likely both been asked."""
    return all(what(health(world)) for _ in range(8))


def is_seen_to_be_away(told):
    return told["checks"]["database"]["status"] == "degraded" and "not answered" in told["sentence"]


def nobody_waited(told):
    return told["checks"]["timeouts"]["status"] == "healthy"


def seconds_until_well(world):
    """How long it went on saying that something is wrong, to whomever it was asked by."""
    began_s, seen = CLOCK.monotonic_s(), []

    def is_well():
        seen[:] = [health(world) for _ in range(8)]
        return all(told["status"] == "healthy" and "not answered" not in told["sentence"] for told in seen)

    assert wait_until(is_well, CLOCK, 30), seen
    return CLOCK.monotonic_s() - began_s


@pytest.mark.parametrize("workers", [1, 2])
def test_status_is_well_again_within_seconds_of_the_thaw_though_nobody_signs_in(world, workers):
    world.start(workers=workers)
    people = world.people("known", 12)
    world.sign_in(people)
    world.postgres.freeze()
    assert wait_until(lambda: world.ask(world.people("new", 8)) and world.opened("postgres") >= workers, CLOCK, 10)
    assert wait_until(lambda: all_say(world, is_seen_to_be_away), CLOCK, 10)
    assert status(world)[0] != 0
    assert wait_until(lambda: all_say(world, lambda told: not nobody_waited(told)), CLOCK, 10)
    assert wait_until(lambda: all_say(world, nobody_waited), CLOCK, 15)  # though it is frozen still
    assert all_say(world, is_seen_to_be_away)
    world.postgres.thaw()
    took_s = seconds_until_well(world)
    assert wait_until(lambda: status(world)[0] == 0, CLOCK, WELL_WITHIN_S)  # of the worker that was not asked, maybe
    code, said = status(world)
    assert code == 0, said
    assert said.startswith("✓ ")
    assert "not answered" not in said
    assert took_s <= WELL_WITHIN_S


@pytest.mark.parametrize("fault", ["freeze", "refuse"])
def test_health_tells_of_a_dead_redis_and_of_its_return_though_nobody_signs_in(world, fault):
    world.start(workers=1)

    def redis_is(status):
        return lambda: health(world)["checks"]["redis"]["status"] == status

    assert redis_is("healthy")()
    getattr(world.redis, fault)()
    assert wait_until(redis_is("degraded"), CLOCK, WELL_WITHIN_S)
    assert health(world)["checks"]["timeouts"]["status"] == "healthy"  # nobody has waited
    world.redis.thaw()
    assert wait_until(redis_is("healthy"), CLOCK, WELL_WITHIN_S)
