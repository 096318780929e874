"""After an outage, and at a cold start, everybody comes at once; the database hardly notices."""

import asyncio
import collections
import itertools
import threading

import pytest
from tests.support.crowd import Crowd
from tests.support.faults import Faulted
from tests.support.queries import counted
from tests.support.serving import CLOCK

POOL = 4
AT_MOST = 1.2
FULL_SERVICE_WITHIN_S = 3.0
WINDOW_S = 1.0

RETURNING = 80
PER_S = 60
STEADY_S, FROZEN_S, AFTER_S = 4.0, 2.5, 5.0

AT_THE_DOOR = 300


@pytest.fixture
def world(tmp_path, database_url, redis_url):
    """Proxies and people; nothing is started."""
    with Faulted(tmp_path, database_url, redis_url, AUTH_CACHE_TTL="2", DATABASE_POOL_SIZE=str(POOL)) as faulted:
        yield faulted


class Sessions:
    """The most connections of the service that the database had at any look, one every 20 ms."""

    def __init__(self, world):
        self._world = world
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0

    def _look(self):
        asks = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatewayz-auth'"
        with self._world.connected() as connection:
            while not self._over.wait(0.02):
                self.most = max(self.most, connection.execute(asks).fetchone()[0])

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


async def through_an_outage(world, bodies):
    """The crowd that came all the while, and the moments of the freeze and of the thaw."""
    crowd = Crowd(world.serving.port)
    coming = asyncio.ensure_future(crowd.come(bodies, PER_S))
    await asyncio.sleep(STEADY_S)
    await asyncio.to_thread(world.postgres.freeze)
    frozen_s = CLOCK.monotonic_s()
    await asyncio.sleep(FROZEN_S)
    await asyncio.to_thread(world.postgres.thaw)
    thawed_s = CLOCK.monotonic_s()
    await coming
    await crowd.leave()
    return crowd, frozen_s, thawed_s


def test_after_the_thaw_the_database_is_asked_hardly_more_than_before_and_all_are_served(world, record_property):
    world.start()
    people = world.people("returning", RETURNING)
    world.ask(people)
    bodies = itertools.islice(itertools.cycle(people), int((STEADY_S + FROZEN_S + AFTER_S) * PER_S))
    with counted(world.postgres) as queries, Sessions(world) as sessions:
        crowd, frozen_s, thawed_s = asyncio.run(through_an_outage(world, list(bodies)))
    steady = queries.most_in(WINDOW_S, frozen_s - STEADY_S, frozen_s - WINDOW_S)
    after = queries.most_in(WINDOW_S, thawed_s, thawed_s + AFTER_S)
    served = [reply for at_s, reply in crowd.replies if at_s >= thawed_s + FULL_SERVICE_WITHIN_S]
    record_property("herd", f"in a second: steady {steady}, after the thaw {after}; {sessions.most} connections")
    assert world.opened("postgres") == 1
    assert {reply.status for _, reply in crowd.replies} == {200}
    assert after <= AT_MOST * steady
    assert {reply.source for reply in served} <= {"cache", "database"}, collections.Counter(
        reply.source for reply in served
    )
    assert sessions.most <= POOL + 1  # the probe's own, for a moment, while those of before the outage go


def test_hundreds_of_people_at_the_door_of_two_cold_workers_are_each_asked_for_once(world, record_property):
    people = world.people("door", AT_THE_DOOR)
    with counted(world.postgres) as queries, Sessions(world) as sessions:
        world.start(workers=2, AUTH_CACHE_TTL="300")
        began_s = CLOCK.monotonic_s()
        replies = asyncio.run(all_get_in(world, people))
    took_s = CLOCK.monotonic_s() - began_s
    statuses = collections.Counter(reply.status for reply in replies)
    record_property("door", f"{len(queries.at_s)} queries, {sessions.most} connections, {took_s:.1f} s, {statuses}")
    assert statuses[200] == AT_THE_DOOR
    assert len(queries.at_s) <= AT_MOST * AT_THE_DOOR
    assert sessions.most <= 2 * POOL


async def all_get_in(world, people):
    """The replies to ``people`` who come together, and come again when they are told to until they are in."""
    crowd = Crowd(world.serving.port)

    async def person(body):
        while (reply := await crowd.one(body)).status != 200:
            await asyncio.sleep(int(reply.headers["retry-after"]))

    await asyncio.gather(*(person(body) for body in people))
    await crowd.leave()
    return [reply for _, reply in crowd.replies]
