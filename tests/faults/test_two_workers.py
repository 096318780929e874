"""A frozen database under two workers: what one of them does not remember, it learns from what they share."""

import json
import time

import pytest
import redis
from tests.support.callers import Bound, check
from tests.support.faults import Faulted
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until

WORKERS = 2
BUSY_S = 0.5  # two of them, and those who ask, on as many cores
LAST_KNOWN_GOOD = Bound(200, "last-known-good", 0.15)
NOT_KNOWN = Bound(503, None, 2.0)
FRESH_AGAIN_WITHIN_S = 3.0


@pytest.fixture
def world(tmp_path, database_url, redis_url):
    with Faulted(tmp_path, database_url, redis_url, AUTH_CACHE_TTL="1", USER_LOOKUP_TIMEOUT="2") as faulted:
        yield faulted.start(workers=WORKERS)


def test_returning_people_are_signed_in_by_either_worker_while_the_database_is_frozen(world, bounds):
    people = world.people("returning", 12)
    names = [json.loads(body)["user"]["id"] for body in people]

    def are_shared():
        assert {reply.status for reply in world.ask(people)} == {200}  # each by one worker or by the other
        time.sleep(1.1)  # time itself is the condition: AUTH_CACHE_TTL is 1
        with redis.Redis.from_url(world.redis_url) as client:
            return client.exists(*(f"auth:last_known_good:{name}" for name in names)) == len(names)

    assert wait_until(are_shared, CLOCK, 10.0)  # Redis may be late on a busy machine
    opened = world.opened("postgres")
    world.postgres.freeze()
    took_s = check(world.ask(people), LAST_KNOWN_GOOD, BUSY_S)
    bounds.note("Postgres", "frozen, two workers", "at first", "stale", LAST_KNOWN_GOOD, took_s, "nothing")
    strangers = world.people("stranger", 8)
    took_s = check(world.ask(strangers), NOT_KNOWN, BUSY_S)
    bounds.note("Postgres", "frozen, two workers", "at first", "stranger", NOT_KNOWN, took_s, "nothing")

    def both_opened():
        check(world.ask(people), LAST_KNOWN_GOOD, BUSY_S)
        return world.opened("postgres") >= opened + WORKERS

    assert wait_until(both_opened, CLOCK, 3.0)
    world.postgres.thaw()
    began_s = CLOCK.monotonic_s()

    fresh = set()

    def have_all_been_fresh():  # each in their turn: who can wait is asked for at the rate of before
        replies = world.ask([*people, *strangers])
        fresh.update(number for number, reply in enumerate(replies) if reply.source in {"cache", "database"})
        return len(fresh) == len(replies) and all(reply.status == 200 for reply in replies)

    assert wait_until(have_all_been_fresh, CLOCK, 6.0)
    again_s = CLOCK.monotonic_s() - began_s
    assert again_s <= FRESH_AGAIN_WITHIN_S + 0.3
    again = Bound(200, "database", FRESH_AGAIN_WITHIN_S)
    bounds.note("Postgres", "frozen, two workers", "after it", "everybody", again, again_s, "")
    ids = [reply.body["user_id"] for reply in world.ask([*people, *strangers])]
    assert len(set(ids)) == len(ids)
    assert world.users() == len(ids)
