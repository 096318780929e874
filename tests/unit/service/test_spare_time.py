"""Work that nobody waits for has the database one piece at a time, and leaves it alone for as long in between."""

import asyncio
import itertools

import pytest
from tests.support.referring import Heard
from tests.support.seeded_entropy import SeededEntropy
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.domain.errors import NeighbourUnavailable
from gatewayz_auth.domain.referrals import ReferralRules, Status, Verdict
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.mail import Post
from gatewayz_auth.service.referrals import SET_SIZE, Referrals
from gatewayz_auth.service.spare_time import LONGEST_REST_S, REST_SHARE, SpareTime

BUSY_S = 0.005
TURNS = 50


class Database:
    """Is busy for ``busy_s`` with each question; ``at_s`` is when each came, ``at_once`` the most together."""

    def __init__(self, clock, busy_s=BUSY_S):
        self.clock = clock
        self.busy_s = busy_s
        self.running = self.at_once = self.sets = 0
        self.at_s = []

    async def ask(self):
        self.at_s.append(self.clock.monotonic_s())
        self.running += 1
        self.at_once = max(self.at_once, self.running)
        await asyncio.sleep(self.busy_s)
        self.running -= 1

    async def settle_referrals(self, limit):
        await self.ask()
        self.sets += 1
        return tuple(Verdict(n, n, 1, "A", Status.REWARDED, None) for n in range(limit if self.sets < TURNS else 1))


class Referred:
    def __init__(self, database):
        self.database = database

    async def settle(self, limit, _rules):
        return await self.database.settle_referrals(limit)


class Off:
    refusal = "mail is off"


class Owed:
    """An outbox in which nothing is due."""

    def __init__(self, database):
        self.database = database

    async def take(self, limit, _lease_s, _deadline):
        await self.database.ask()
        return ()


@in_virtual_time
async def test_between_two_sets_of_referrals_there_is_a_rest():
    clock = VirtualClock()
    database = Database(clock)
    heard = Heard()
    heard.took_s = []
    heard.set_done = lambda _count, took_s: heard.took_s.append(took_s)
    assert await Referrals(Referred(database), ReferralRules(), heard, clock).drain() == SET_SIZE * (TURNS - 1) + 1
    assert clock.monotonic_s() == pytest.approx(BUSY_S * (TURNS + (TURNS - 1) * REST_SHARE))
    assert heard.took_s == pytest.approx([BUSY_S] * TURNS), "the rest is not the set's"


@in_virtual_time
async def test_referrals_and_mail_of_a_worker_are_never_in_the_database_together_nor_without_a_rest():
    clock = VirtualClock()
    database = Database(clock)
    spare = SpareTime(clock)
    post = Post(Owed(database), Off(), None, None, clock, SeededEntropy(), spare=spare)

    async def mail():
        for _ in range(TURNS):
            await post.deliver_due(Deadline.after(clock.monotonic_s(), 60.0))

    await asyncio.gather(mail(), Referrals(Referred(database), ReferralRules(), Heard(), clock, spare=spare).drain())
    assert len(database.at_s) == 2 * TURNS
    assert database.at_once == 1
    least_s = min(after - before for before, after in itertools.pairwise(database.at_s))
    assert least_s >= BUSY_S * (1 + REST_SHARE) - 1e-9


@in_virtual_time
async def test_rest_is_bounded_and_a_failure_costs_none():
    clock = VirtualClock()
    spare = SpareTime(clock)
    slow = Database(clock, busy_s=60.0)
    await spare.use(slow.ask)
    await spare.use(slow.ask)
    assert slow.at_s[1] - slow.at_s[0] == pytest.approx(60.0 + LONGEST_REST_S)

    async def failing():
        raise NeighbourUnavailable("postgres", "away")

    await asyncio.sleep(LONGEST_REST_S)
    began_s = clock.monotonic_s()
    for _ in range(10):
        with pytest.raises(NeighbourUnavailable):
            await spare.use(failing)
    assert clock.monotonic_s() == began_s
