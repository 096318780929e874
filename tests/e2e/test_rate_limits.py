"""The limits of the running service, as a caller meets them who comes through a balancer that is named."""

import collections
import http.client
import json

import pytest
from tests.support.faults import Faulted

from gatewayz_auth.web.rate_limits import GUESSES_BY_ADDRESS, SIGN_INS_BY_IDENTITY

ONE, ANOTHER = {"x-forwarded-for": "198.51.100.1"}, {"x-forwarded-for": "198.51.100.2"}


@pytest.fixture(scope="module")
def world(tmp_path_factory, postgres_server, valkey_server):
    url = postgres_server.database()
    settings = {"RATE_LIMITS": "on", "TRUSTED_PROXIES": "127.0.0.1"}
    with Faulted(tmp_path_factory.mktemp("limited"), url, valkey_server.url, **settings) as faulted:
        yield faulted.start()
        faulted.serving.end()
    postgres_server.drop(url)


def asked(world, bodies, headers):
    """How often each status came, and the last answer's headers."""
    statuses = collections.Counter()
    connection = http.client.HTTPConnection("127.0.0.1", world.serving.port, timeout=10)
    for body in bodies:
        connection.request("POST", "/api/auth", bytes(body), headers)
        answer = connection.getresponse()
        assert json.loads(answer.read())
        statuses[answer.status] += 1
    connection.close()
    return statuses, dict(answer.getheaders())


def test_a_guesser_is_told_429_and_the_honest_of_the_same_address_sign_in(world):
    guesses = world.forgers(1) * (GUESSES_BY_ADDRESS.burst + 50)
    statuses, headers = asked(world, guesses, ONE)
    assert set(statuses) == {401, 429}
    assert statuses[401] >= GUESSES_BY_ADDRESS.burst
    assert 1 <= int({name.lower(): value for name, value in headers.items()}["retry-after"]) <= 2
    assert asked(world, world.people("honest", 2), ONE)[0] == {200: 2}
    assert asked(world, guesses[:1], ANOTHER)[0] == {401: 1}


def test_one_identity_without_end_is_told_429_and_many_of_one_address_are_not(world):
    people = world.people("many", 64)
    assert asked(world, people * 5, ONE)[0] == {200: 320}
    statuses, _ = asked(world, people[:1] * (SIGN_INS_BY_IDENTITY.burst * 2), ONE)
    assert set(statuses) == {200, 429}
    assert asked(world, people[1:2], ONE)[0] == {200: 1}
    assert world.said("TRUSTED_PROXIES") == 0
