"""Work that nobody waits for leaves the database alone for longer than it kept it busy."""

import asyncio
import itertools

import pytest
from tests.support.examined import settings_of
from tests.support.referring import Heard
from tests.support.seeded_entropy import SeededEntropy
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.bootstrap_mail import MailSide
from gatewayz_auth.domain.referrals import ReferralRules, Status, Verdict
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.service.mail import Delivered
from gatewayz_auth.service.referrals import SET_SIZE, Referrals
from gatewayz_auth.service.spare_time import LONGEST_S, rest_s

TURNS = 50
BUSY_S = 0.005


def test_rest_is_longer_than_the_work_and_bounded():
    assert all(busy_s < rest_s(busy_s) <= LONGEST_S for busy_s in (1e-6, BUSY_S, 1.0))
    assert rest_s(3600.0) == LONGEST_S
    assert rest_s(0.0) == 0.0


class Busy:
    """Keeps the database busy for so long each time, and counts; full ``TURNS`` times."""

    def __init__(self):
        self.turns = 0

    async def settle(self, limit, _rules):
        self.turns += 1
        await asyncio.sleep(BUSY_S)
        size = limit if self.turns < TURNS else 1
        return tuple(Verdict(n, n, 1, "ABC123", Status.REWARDED, None) for n in range(size))

    async def deliver_due(self, _deadline):
        self.turns += 1
        await asyncio.sleep(BUSY_S)
        return Delivered(16, 0, 0, is_full=True, database_s=BUSY_S)


@in_virtual_time
async def test_between_two_sets_of_referrals_there_is_a_rest():
    clock, busy = VirtualClock(), Busy()
    assert await Referrals(busy, ReferralRules(), Heard(), clock).drain() == SET_SIZE * (TURNS - 1) + 1
    assert clock.monotonic_s() == pytest.approx(TURNS * BUSY_S + (TURNS - 1) * rest_s(BUSY_S))


@in_virtual_time
async def test_between_two_turns_of_mail_there_is_a_rest_of_what_the_database_had_to_do():
    clock, busy = VirtualClock(), Busy()
    asked = itertools.count()
    side = MailSide(
        settings_of(), None, None, clock, SeededEntropy(), Abandoned(), is_stopping=lambda: next(asked) >= TURNS
    )
    side.post = busy
    await side.run()
    assert clock.monotonic_s() == pytest.approx(TURNS * (BUSY_S + rest_s(BUSY_S)))
