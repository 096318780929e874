"""A database that takes more than a second for each statement still tells whom something was taken from."""

import pytest
from tests.support.faults import Faulted
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until

STATEMENT_S = 1.4
TOLD_WITHIN_S = 8.0  # a reading that had begun, the next, and a machine that is busy with others


@pytest.fixture
def world(tmp_path, database_url, redis_url):
    with Faulted(tmp_path, database_url, redis_url, AUTH_CACHE_TTL="300") as faulted:
        yield faulted.start()


def test_who_is_disabled_meanwhile_is_refused_though_their_answer_was_fresh(world):
    people = world.people("known", 3)
    world.sign_in(people)
    assert {reply.source for reply in world.ask(people)} == {"cache"}
    ids = [reply.body["user_id"] for reply in world.ask(people)]
    world.postgres.delay(STATEMENT_S)
    world.sql("UPDATE public.users SET is_active = false WHERE id = %s", ids[0])
    assert wait_until(lambda: world.ask(people[:1])[0].source != "cache", CLOCK, TOLD_WITHIN_S)
    assert {reply.source for reply in world.ask(people[1:])} == {"cache"}
    world.postgres.delay(0.0)
    assert wait_until(lambda: world.ask(people[:1])[0].status == 403, CLOCK, TOLD_WITHIN_S)
