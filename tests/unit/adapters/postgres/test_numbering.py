"""A crash takes back the numbers of the last moments; whoever counts from lower on than that was put back."""

import asyncio
import datetime as dt
import math

import pytest
from tests.support.manual_clock import ManualClock

from gatewayz_auth.adapters.postgres.changes import PostgresChanges

NOTHING = {"xact": None, "kind": None, "user_id": None, "privy_user_id": None, "username": None, "takes_away": None}


class Pool:
    """A server of which only the next number and the start are of interest."""

    def __init__(self):
        self.era, self.next_number = "1", 100

    async def rows(self, name, parameters, limit_s):
        stands = {
            "era": self.era,
            "snapshot": f"{self.next_number}:{self.next_number}:",
            "at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            "horizon": self.next_number,
            "is_gap": parameters.get("era", self.era) != self.era,
        }
        return [stands | NOTHING]


async def call(work, **_):
    return await work()


@pytest.fixture
def after():
    """What a reader that has read twice a second, a hundred numbers a second, is told when the server starts anew."""

    def told(read_for_s, *next_numbers):
        async def story():
            clock, pool = ManualClock(), Pool()
            reader = PostgresChanges(pool, call, clock, 1.0)
            assert (await reader.read()).lost_since_s == math.inf
            for _ in range(int(read_for_s / 0.5)):
                clock.advance(0.5)
                pool.next_number += 50
                await reader.read()
            ended_s = clock.utc_now_s()
            clock.advance(60.0)
            reads = []
            for era, next_number in enumerate(next_numbers, 2):
                pool.era, pool.next_number = str(era), next_number
                read = await reader.read()
                assert read.is_gap
                reads.append(read.lost_since_s - ended_s)
            return reads

        return asyncio.run(story())

    return told


@pytest.mark.parametrize("next_number", [1100, 1101, 5000])
def test_a_server_that_goes_on_counting_has_lost_nothing(after, next_number):
    assert after(10.0, next_number) == [math.inf]


@pytest.mark.parametrize("next_number", [1099, 900])
def test_a_server_that_lost_numbers_of_its_last_moments_may_have_lost_what_it_answered_in_them(after, next_number):
    assert after(10.0, next_number) == [-2.0]


@pytest.mark.parametrize("next_number", [899, 1])
def test_a_server_that_counts_from_lower_on_than_that_was_put_back(after, next_number):
    assert after(10.0, next_number) == [-math.inf]


def test_a_reader_that_has_not_read_for_long_enough_takes_a_crash_for_the_worse(after):
    assert after(1.5, 249) == [-math.inf]


def test_a_second_crash_is_told_from_what_was_heard_before_the_first(after):
    assert after(10.0, 970, 960, 1) == [-2.0, -1.5, -math.inf]
