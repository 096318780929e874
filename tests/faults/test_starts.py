"""Starting beside a database that is slow at every step, and beside a key server that does not answer."""

import json

import pytest
from tests.faults.conftest import jwks
from tests.support.faults import Body, Faulted
from tests.support.faulty_proxy import FaultyProxy
from tests.support.key_server import KeyServer, answers
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.reliability.entropy import SystemEntropy

SLACK_S = 0.5  # what a busy machine adds to a start
START_LIMIT_S = 2.0


@pytest.fixture
def world(tmp_path, database_url, redis_url):
    """Proxies and people; nothing is started."""
    with Faulted(tmp_path, database_url, redis_url) as faulted:
        yield faulted


def test_a_start_waits_for_all_it_asks_a_slow_database_together_as_long_as_for_one_question(world, record_property):
    world.start().serving.end()
    healthy_s = world.started_s
    world.postgres.delay(0.6)  # each step is within its own limit
    world.start()
    record_property("start", f"healthy {healthy_s:.2f} slow {world.started_s:.2f}")
    assert world.started_s <= healthy_s + START_LIMIT_S + SLACK_S
    assert world.said("The database does not answer: starting without it") == 1
    world.postgres.thaw()
    assert world.until_served(6.0)


def test_a_start_beside_a_frozen_key_server_signs_in_by_the_keys_that_were_kept_and_without_any_refuses_nobody(
    world, tmp_path_factory, record_property
):
    coming = DevIssuer(tmp_path_factory.mktemp("coming"), SystemEntropy())
    key_server = KeyServer(answers(jwks(world.issuer)))
    with FaultyProxy(("127.0.0.1", key_server.port)) as keys:
        settings = {"PRIVY_VERIFICATION_KEY": None, "PRIVY_JWKS_URL": f"http://127.0.0.1:{keys.port}/jwks.json"}
        world.start(**settings)
        healthy_s = world.started_s
        honest = world.people("honest", 2)
        assert wait_until(lambda: world.ask(honest)[0].status == 200, CLOCK, 5.0)
        world.serving.end()
        keys.freeze()

        world.start(**settings)
        record_property("start", f"healthy {healthy_s:.2f} keys frozen {world.started_s:.2f}")
        assert world.started_s <= healthy_s + START_LIMIT_S + SLACK_S
        issued = coming.issue("did:privy:new", [], CLOCK.utc_now_s())
        may_be_new = Body(json.dumps({"token": issued["token"], "user": issued["user"]}).encode())
        replies = world.ask([*honest, may_be_new, *world.forgers(1)])
        assert [reply.status for reply in replies] == [200, 200, 503, 401]
        world.serving.end()

        world.start(**settings, STATE_DIR=str(tmp_path_factory.mktemp("nothing-kept")))
        assert [reply.status for reply in world.ask([*honest, may_be_new])] == [503, 503, 503]
        keys.thaw()
        assert wait_until(lambda: world.ask(honest)[0].status == 200, CLOCK, 20.0)
    key_server.stop()
