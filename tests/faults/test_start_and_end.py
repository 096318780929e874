"""Starting beside neighbours that are away, and ending while people wait for one."""

import asyncio
import http.client

import pytest
import redis
from tests.support.faults import Faulted, Line
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until

SLACK_S = 0.5  # what a busy machine adds to a start
IN_FLIGHT = 200
TRIES = 3


def asked(world, path):
    """Status and body of ``path``, asked from the machine itself."""
    connection = http.client.HTTPConnection("127.0.0.1", world.serving.port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def world(tmp_path, database_url, redis_url):
    """Proxies and people; nothing is started."""
    with Faulted(tmp_path, database_url, redis_url, AUTH_CACHE_TTL="1") as faulted:
        yield faulted


def test_a_start_with_redis_deaf_takes_two_seconds_more_at_most(world, record_property):
    world.start().serving.end()
    healthy_s = world.started_s
    world.redis.freeze()
    world.start()
    record_property("start", f"healthy {healthy_s:.2f} redis deaf {world.started_s:.2f}")
    assert world.started_s <= healthy_s + 2.0
    replies = world.ask(world.people("stranger", 4))
    assert {reply.status for reply in replies} == {200}, replies
    world.serving.end()


def test_whoever_restarts_during_an_outage_finds_last_known_good_in_redis(world, record_property):
    world.start()
    returning = world.people("returning", 4)
    before = world.ask(returning)
    assert {reply.status for reply in before} == {200}
    disabled, *others = returning
    world.sql("UPDATE public.users SET is_active = false WHERE id = %s", before[0].body["user_id"])
    world.let_notice()
    world.postgres.freeze()
    world.serving.end()
    world.start()
    record_property("start", f"{world.started_s:.2f}")
    assert wait_until(lambda: "has not answered" in asked(world, "/api/auth/health")[1], CLOCK, 10.0)
    assert "returning people are signed in" in asked(world, "/api/auth/health")[1]
    assert asked(world, "/readyz")[0] == 200, "no balancer would send anybody"
    replies = world.ask(others)
    assert {(reply.status, reply.source) for reply in replies} == {(200, "last-known-good")}, replies
    assert [reply.body["api_key"] for reply in replies] == [reply.body["api_key"] for reply in before[1:]]
    assert max(reply.promised_s for reply in replies) <= 0.5
    assert {reply.status for reply in world.ask([disabled, *world.people("stranger", 2)])} == {503}
    world.postgres.thaw()
    assert world.until_served(6.0) <= 3.0 + SLACK_S
    assert [reply.status for reply in world.ask(returning)] == [403, 200, 200, 200]


def test_what_redis_could_not_be_told_to_forget_it_is_told_during_the_outage_as_well(world):
    world.start()
    disabled, honest = people = world.people("returning", 2)
    replies = world.ask(people)
    assert {reply.status for reply in replies} == {200}
    disabled_key, honest_key = (f"auth:last_known_good:{reply.body['privy_user_id']}" for reply in replies)
    with redis.Redis.from_url(world.redis_url) as client:  # it is told behind the caller
        assert wait_until(lambda: client.exists(disabled_key, honest_key) == 2, CLOCK, 4.0)
    world.redis.refuse()  # what it is told is lost, where a frozen one may still hear it later
    world.sql("UPDATE public.users SET is_active = false WHERE id = %s", replies[0].body["user_id"])
    world.let_notice()
    world.postgres.freeze()
    world.redis.thaw()
    with redis.Redis.from_url(world.redis_url) as client:
        assert wait_until(lambda: not client.exists(disabled_key), CLOCK, 4.0)
    world.serving.end()
    world.start()
    assert [reply.status for reply in world.ask([disabled, honest])] == [503, 200]


def test_whoever_was_disabled_while_no_process_ran_is_not_signed_in_from_redis(tmp_path, database_url, redis_url):
    with Faulted(tmp_path, database_url, redis_url, AUTH_CACHE_TTL="300") as world:
        world.start()
        (person,) = world.people("disabled", 1)
        user_id = world.ask([person])[0].body["user_id"]
        world.serving.end()
        world.sql("UPDATE public.users SET is_active = false WHERE id = %s", user_id)
        world.start()
        assert world.seconds_until(lambda: world.ask([person])[0].status == 403, 1.5) <= 1.5


async def in_flight_when_it_ends(world, end):
    """The replies to ``IN_FLIGHT`` strangers of whom all are sent, and wait, when ``end`` is called.

    A machine that pauses lets the first of them go, at 0.6 s, before the last is there: then others come.
    """
    for _ in range(TRIES):
        lines = [Line(world.serving.port) for _ in range(IN_FLIGHT)]
        bodies = await asyncio.to_thread(world.people, "stranger", IN_FLIGHT)
        world.postgres.freeze()
        asking = [asyncio.ensure_future(line.ask(body)) for line, body in zip(lines, bodies, strict=True)]
        await asyncio.sleep(0.2)  # all are under way
        waiting = sum(not ask.done() for ask in asking)
        if waiting == IN_FLIGHT:
            break
        world.postgres.thaw()
        await asyncio.gather(*asking)
        await asyncio.to_thread(world.until_served, 10.0)
    ended = await asyncio.to_thread(end)
    replies = await asyncio.gather(*asking)
    await asyncio.gather(*(line.hang_up() for line in lines))
    return waiting, ended, replies


@pytest.mark.parametrize("workers", [1, 2])
def test_all_who_wait_for_a_frozen_database_are_answered_when_it_is_asked_to_end(world, workers, record_property):
    world.start(workers=workers, LOOKUP_PATIENCE="4", LOG_LEVEL="INFO")
    world.sign_in(world.people("first", 1))
    waiting, (code, took_s), replies = asyncio.run(in_flight_when_it_ends(world, world.serving.end))
    record_property("end", f"waiting {waiting} gone {took_s:.2f} last {max(reply.took_s for reply in replies):.2f}")
    assert waiting == IN_FLIGHT
    assert {reply.status for reply in replies} == {503}
    assert all("retry-after" in reply.headers for reply in replies)
    assert code == 0
    assert took_s <= 10.0
