"""Whoever looks at the jobs costs the database little, and nothing while it is away."""

import asyncio

from tests.support.manual_clock import ManualClock

from gatewayz_auth.domain.errors import QueryTimeoutError
from gatewayz_auth.domain.mail import OutboxState
from gatewayz_auth.domain.referrals import ByStatus, JobsState
from gatewayz_auth.service.jobs_seen import JobsLook
from gatewayz_auth.service.jobs_watch import JobsWatch


class Mail:
    async def state(self):
        return OutboxState(0, None, 0)


class World:
    """Records that count how often they are asked; ``is_away`` has them say nothing."""

    def __init__(self):
        self.clock = ManualClock()
        self.silent_s, self.is_away, self.asked = 0.0, False, 0
        self.watch = JobsWatch(self.state, Mail().state, "background", self.clock)
        self.look = JobsLook(self, Mail(), self.watch, lambda: self.silent_s, self.clock)

    async def state(self):
        self.asked += 1
        if self.is_away:
            raise QueryTimeoutError("timeout exceeded 1s")
        return JobsState(None, 0, self.asked, 1)

    async def by_status(self):
        return ByStatus({}, {}, None)

    async def listed(self, status, limit, before_id=None):
        return ()

    def seen(self):
        return asyncio.run(self.look.seen())


def test_however_many_look_it_is_read_once_a_second():
    world = World()
    first = world.seen()
    asked = world.asked
    assert [world.seen() for _ in range(5)] == [first] * 5
    assert world.asked == asked
    world.clock.advance(1)
    assert world.seen().at_s == first.at_s + 1


def test_what_was_read_is_kept_while_the_database_says_nothing_and_it_is_not_asked():
    world = World()
    first = world.seen()
    world.clock.advance(10)
    world.is_away = True
    assert world.seen() == first
    world.silent_s, asked = 10.0, world.asked
    assert world.seen() == first
    assert world.asked == asked


def test_before_anybody_looked_what_every_process_knows_is_told():
    world = World()
    world.silent_s = 10.0
    assert world.seen() is None
    asyncio.run(world.watch.once())
    world.clock.advance(4)
    seen = world.seen()
    assert (seen.state.workers, seen.by_status) == (1, None)
    assert seen.at_s == world.clock.utc_now_s() - 4


def test_after_something_was_done_it_is_read_anew():
    world = World()
    world.seen()
    asked = world.asked
    world.look.forget()
    world.seen()
    assert world.asked > asked
