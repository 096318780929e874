"""The post: nothing is lost, nobody waits for anybody's bad mail, and every turn ends in time."""

import asyncio
import dataclasses
import itertools

import pytest
from tests.support.mail_server import owed
from tests.support.seeded_entropy import SeededEntropy
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.adapters.smtp.letter_files import LetterFiles
from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown
from gatewayz_auth.domain.mail import GIVE_UP_AFTER_S, Deferred, Sent, Undeliverable, next_delay_s
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.mail import BATCH, BATCH_REFUSED, LEASE_S, SEND_LIMIT_S, Post

LATER = Deferred("450 at recipient", is_of_server=False)
DOWN = Deferred("it did not answer in time", is_of_server=True)


class World:
    """An outbox in memory, and a mailer that does what ``does`` says."""

    refusal = None

    def __init__(self, does=None, takes_s=0.1):
        self.clock = VirtualClock()
        self.rows = []
        self.settled = []
        self.sent = []
        self.questions = 0
        self.told = []
        self.does = does or (lambda _mail: Sent())
        self.takes_s = takes_s
        self.database_error = None
        self.is_stopping = False
        self.post = Post(self, self, LetterFiles(), self, self.clock, SeededEntropy(), lambda: self.is_stopping)

    async def take(self, limit, lease_s, _deadline):
        assert lease_s == LEASE_S
        self.questions += 1
        taken, self.rows = self.rows[:limit], self.rows[limit:]
        return tuple(taken)

    async def settle(self, settled, _deadline):
        if self.database_error is not None:
            raise self.database_error
        self.settled.extend(settled)
        self.questions += 1

    async def send(self, mail, letter, limit_s):
        assert 0 < limit_s <= SEND_LIMIT_S
        await asyncio.sleep(min(self.takes_s, limit_s))
        outcome = self.does(mail)
        if isinstance(outcome, Sent):
            self.sent.append((mail, letter))
        return outcome

    def tried(self, mail, outcome, _took_s):
        self.told.append((mail, outcome))

    async def turn(self, budget_s=50.0):
        return await self.post.deliver_due(Deadline.after(self.clock.monotonic_s(), budget_s))


@in_virtual_time
async def test_what_is_due_is_sent_and_written_down():
    world = World()
    world.rows = [owed() for _ in range(3)]
    delivered = await world.turn()
    assert (delivered.sent, delivered.deferred, delivered.failed, delivered.is_full) == (3, 0, 0, False)
    assert [one.status for one in world.settled] == ["sent"] * 3


@in_virtual_time
async def test_what_was_sent_is_written_down_before_the_next_is_begun():
    world = World()
    world.does = lambda _mail: Sent() if len(world.settled) == len(world.sent) else pytest.fail("one is not written")
    world.rows = [owed() for _ in range(5)]
    assert (await world.turn()).sent == len(world.settled) == 5


@in_virtual_time
async def test_what_can_never_be_sent_is_written_down_with_the_next_that_was():
    world = World(lambda mail: Sent() if mail.user_id == 9 else Undeliverable("no such mailbox"))
    world.rows = [owed(user_id=user_id) for user_id in (1, 2, 9, 3, 4)]
    delivered = await world.turn()
    assert (delivered.sent, delivered.failed, len(world.settled)) == (1, 4, 5)
    assert world.questions == 1 + 2


@in_virtual_time
async def test_where_mail_is_off_a_turn_asks_the_database_twice_for_many_and_writes_no_letter():
    world = World()
    world.does = lambda _mail: pytest.fail("a letter was written")
    world.refusal = "mail is off"
    world.rows = [owed() for _ in range(BATCH_REFUSED + 1)]
    delivered = await world.turn()
    assert (delivered.failed, world.questions, delivered.is_full) == (BATCH_REFUSED, 2, True)
    assert {one.reason for one in world.settled} == {"mail is off"}
    assert all(outcome.is_told for _, outcome in world.told)


@in_virtual_time
async def test_one_mail_that_cannot_be_sent_holds_up_no_other():
    bad = owed(user_id=1)

    def does(mail):
        if mail is bad:
            raise RuntimeError("a fault")
        return Sent()

    world = World(does)
    world.rows = [bad, owed(kind="nothing"), owed(arguments={}), owed(address=None), owed(is_active=False), owed()]
    delivered = await world.turn()
    assert (delivered.sent, delivered.deferred, delivered.failed) == (1, 1, 4)
    assert {one.reason for one in world.settled if one.status == "failed"} == {
        "no letter: no template is called that",
        "no letter: the template wants what was not given (KeyError)",
        "no verified address any more",
        "the account is disabled",
    }


@in_virtual_time
async def test_a_server_that_is_down_is_tried_once_a_turn_and_everything_waits_for_its_own_time():
    world = World(lambda _mail: DOWN, takes_s=20.0)
    world.rows = [owed(attempts=attempts) for attempts in (1, 2, 3)]
    delivered = await world.turn()
    assert world.clock.monotonic_s() <= SEND_LIMIT_S
    assert delivered.deferred == 3
    assert len(world.told) == 1
    for one, delay_s in zip(world.settled, (5, 15, 60), strict=True):
        assert delay_s <= one.due_in_s <= delay_s * 1.1


@pytest.mark.parametrize("budget_s", [0.5, 3.0, 10.0, 50.0, 1000.0])
@in_virtual_time
async def test_every_turn_ends_within_its_deadline_and_its_lease_and_gives_back_what_it_had_no_time_for(budget_s):
    world = World(takes_s=9.0)
    world.rows = [owed() for _ in range(BATCH)]
    delivered = await world.turn(budget_s)
    assert world.clock.monotonic_s() <= min(budget_s, LEASE_S)
    assert len(world.settled) == BATCH
    assert delivered.is_full
    for one in world.settled:
        assert one.status == "sent" or (one.due_in_s == 0.0 and not one.is_counted)


@in_virtual_time
async def test_whoever_stops_gives_back_what_was_not_begun():
    world = World()

    def does(_mail):
        world.is_stopping = True
        return Sent()

    world.does = does
    world.rows = [owed() for _ in range(5)]
    delivered = await world.turn()
    assert (delivered.sent, delivered.deferred) == (1, 4)
    assert [one.is_counted for one in world.settled] == [True, False, False, False, False]


@in_virtual_time
async def test_a_database_that_goes_away_under_a_turn_ends_it():
    world = World()
    world.database_error = NeighbourUnavailable("postgres", "away")
    world.rows = [owed(), owed()]
    with pytest.raises(NotKnown):
        await world.turn()
    assert len(world.sent) == 1  # and no more: what cannot be written down is not sent


@in_virtual_time
async def test_a_mail_is_tried_for_three_days_and_then_failed_with_its_reason():
    world = World(lambda _mail: LATER)
    mail, waited_s, tries = owed(), 0.0, []
    while True:
        tries.append(waited_s)
        world.rows = [dataclasses.replace(mail, attempts=len(tries), age_s=waited_s)]
        await world.turn()
        last = world.settled[-1]
        if last.status == "failed":
            break
        waited_s += last.due_in_s
    assert last.reason == "given up after three days: 450 at recipient"
    assert waited_s >= GIVE_UP_AFTER_S
    assert waited_s == pytest.approx(GIVE_UP_AFTER_S)
    gaps = [later - sooner for sooner, later in itertools.pairwise(tries)]
    for gap_s, expected_s in zip(gaps, (5, 15, 60, 300, 900, 3600), strict=False):
        assert expected_s <= gap_s <= expected_s * 1.1
    assert max(gaps) <= 4 * 3600 * 1.1
    assert 20 < len(tries) < 30
    assert isinstance(world.told[-1][1], Undeliverable)


@pytest.mark.parametrize("age_s", [0.0, 100.0, GIVE_UP_AFTER_S - 1, GIVE_UP_AFTER_S, GIVE_UP_AFTER_S + 1e6])
@pytest.mark.parametrize("attempts", [1, 5, 7, 10_000])
def test_the_next_try_is_never_after_the_three_days(age_s, attempts):
    delay_s = next_delay_s(attempts, age_s, 0.99)
    assert (delay_s is None) == (age_s >= GIVE_UP_AFTER_S)
    if delay_s is not None:
        assert delay_s > 0
        assert age_s + delay_s <= GIVE_UP_AFTER_S
