"""After an outage, and at a cold start, everybody comes at once; the database hardly notices."""

import asyncio
import collections
import itertools
import resource
import threading
from pathlib import Path

import pytest
from tests.support.crowd import Crowd
from tests.support.faults import Faulted
from tests.support.queries import counted, most_in
from tests.support.serving import CLOCK

POOL = 4
AT_MOST = 1.2
FULL_SERVICE_WITHIN_S = 3.0
WINDOW_S = 1.0
ROUNDS = 3
"""An outage may fall on a pause of the machine: a database that stands still for a second in its recovery is slow."""

RETURNING = 60
TTL_S = 3.0
STEADY_PER_S = RETURNING / (0.75 * TTL_S)  # each is refreshed once in its life, which ends ahead of the TTL
PER_S = 120
STEADY_S, FROZEN_S, AFTER_S = 4.5, 3.5, 5.0

AT_THE_DOOR = 1000
ESTABLISHED = "01"  # in /proc/net/tcp; one that we have closed is something else, whatever the other side has heard
INODE = 9  # its column there: a socket, where its port may have been another's before


@pytest.fixture
def many_files():
    """A thousand callers are a thousand files of ours."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@pytest.fixture
def world(tmp_path, database_url, redis_url):
    """Proxies and people; nothing is started."""
    with Faulted(
        tmp_path, database_url, redis_url, AUTH_CACHE_TTL=f"{TTL_S:g}", DATABASE_POOL_SIZE=str(POOL)
    ) as faulted:
        yield faulted


class Connections:
    """The most connections to the database that the service held at one time, looked at every 10 ms.

    Reading the table takes its time, in which connections end and begin: one look may list some that were never there
    together. Those of two looks in a row were all there between the two.
    """

    def __init__(self, world):
        self._port = f":{world.postgres.port:04X}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0

    def _look(self):
        before = set()
        while not self._over.wait(0.01):
            rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
            # By their own ports: where thousands come and go, the table tells some of them more than once.
            held = {(row[1], row[INODE]) for row in rows if row[2].endswith(self._port) and row[3] == ESTABLISHED}
            self.most = max(self.most, len(held & before))
            before = held

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


async def through_an_outage(world, people):
    """The crowd that came all the while, newcomers after it, and the moments of the freeze and of the thaw."""
    crowd = Crowd(world.serving.port)
    await crowd.come(people, STEADY_PER_S)  # one after another, as their refreshes will come
    bodies = itertools.islice(itertools.cycle(people), int((STEADY_S + FROZEN_S + AFTER_S) * PER_S))
    coming = asyncio.ensure_future(crowd.come(bodies, PER_S))
    await asyncio.sleep(STEADY_S)
    await asyncio.to_thread(world.postgres.freeze)
    frozen_s = CLOCK.monotonic_s()
    await asyncio.sleep(FROZEN_S)
    await asyncio.to_thread(world.postgres.thaw)
    thawed_s = CLOCK.monotonic_s()
    await asyncio.sleep(FULL_SERVICE_WITHIN_S)
    newcomers = await asyncio.gather(*(crowd.one(body) for body in world.people("newcomer", 3)))
    await coming
    await crowd.leave()
    return crowd, newcomers, frozen_s, thawed_s


def test_after_the_thaw_the_database_is_asked_hardly_more_than_before_and_all_are_served(world, record_property):
    world.start(LOOKUP_PATIENCE="0.6")  # a busy machine needs more than the usual 0.15 s for an answer
    people, rounds = world.people("returning", RETURNING), []
    with counted(world.postgres) as queries, Connections(world) as connections:
        while len(rounds) < ROUNDS and 1 not in rounds:
            before = world.opened("postgres")
            crowd, newcomers, frozen_s, thawed_s = asyncio.run(through_an_outage(world, people))
            rounds.append(world.opened("postgres") - before)
            assert {reply.status for _, reply in crowd.replies} == {200}
    steady = queries.between(frozen_s - STEADY_S, frozen_s) / STEADY_S
    as_planned = max(steady, STEADY_PER_S)  # fewer were asked for where the machine kept them from coming
    after = queries.most_in(WINDOW_S, thawed_s, thawed_s + AFTER_S)
    came = most_in(crowd.sent_at_s, WINDOW_S, thawed_s, thawed_s + WINDOW_S)
    record_property(
        "herd", f"a second: steady {steady:.0f}, after the thaw {after} of {came}; {connections.most} connections"
    )
    assert rounds[-1] == 1, f"it opened for one outage {rounds} times"
    assert {reply.source for reply in newcomers} == {"database"}, "full service"
    assert came > 2 * steady, "there was a herd at the door"
    assert after <= AT_MOST * as_planned
    assert connections.most <= POOL + 1  # the prober has one of its own


@pytest.mark.usefixtures("many_files")
def test_a_thousand_people_at_the_door_of_two_cold_workers_are_each_asked_for_once(world, record_property):
    people = world.people("door", AT_THE_DOOR)
    with counted(world.postgres) as queries, Connections(world) as connections:
        world.start(workers=2, AUTH_CACHE_TTL="300")
        began_s = CLOCK.monotonic_s()
        replies = asyncio.run(all_get_in(world, people))
    took_s = CLOCK.monotonic_s() - began_s
    statuses = collections.Counter(reply.status for reply in replies)
    record_property("door", f"{len(queries.at_s)} queries, {connections.most} connections, {took_s:.1f} s, {statuses}")
    assert statuses[200] == AT_THE_DOOR
    assert len(queries.at_s) <= AT_MOST * AT_THE_DOOR
    changes = [line for line in world.serving.lines if "Circuit breaker of postgres" in line or "orker" in line]
    assert connections.most <= 2 * POOL, changes


async def all_get_in(world, people):
    """The replies to ``people`` who come together, and come again when they are told to until they are in."""
    crowd = Crowd(world.serving.port)

    async def person(body):
        while (reply := await crowd.one(body)).status != 200:
            await asyncio.sleep(int(reply.headers["retry-after"]))

    await asyncio.gather(*(person(body) for body in people))
    await crowd.leave()
    return [reply for _, reply in crowd.replies]
