"""A crash takes back the numbers of the last moments; whoever counts from lower on than that was put back.

A replica that takes over may have lost more; another server has lost all.
"""

import asyncio
import datetime as dt
import math

import pytest
from tests.support.manual_clock import ManualClock

from gatewayz_auth.adapters.postgres.changes import PostgresChanges
from gatewayz_auth.adapters.postgres.numbering import LAG_S, TAKEN_OVER_WITHIN_S

NOTHING = {"xact": None, "kind": None, "user_id": None, "privy_user_id": None, "username": None, "takes_away": None}


class Pool:
    """A server of which only the next number and the start are of interest."""

    def __init__(self):
        self.era, self.next_number = "1", 100
        self.system, self.timeline = "one", "00000001"

    async def rows(self, name, parameters, limit_s):
        stands = {
            "era": self.era,
            "snapshot": f"{self.next_number}:{self.next_number}:",
            "at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            "horizon": self.next_number,
            "system": self.system,
            "timeline": self.timeline,
            "is_gap": parameters.get("era", self.era) != self.era,
        }
        return [stands | NOTHING]


async def call(work, **_):
    return await work()


@pytest.fixture
def after():
    """What a reader that has read twice a second, a hundred numbers a second, is told when the server starts anew."""

    def told(read_for_s, *next_numbers, away_s=60.0, before=("one", "00000001"), system="one", timeline="00000001"):
        async def story():
            clock, pool = ManualClock(), Pool()
            pool.system, pool.timeline = before
            reader = PostgresChanges(pool, call, clock, 1.0)
            assert (await reader.read()).lost_since_s == math.inf
            for _ in range(int(read_for_s / 0.5)):
                clock.advance(0.5)
                pool.next_number += 50
                await reader.read()
            ended_s = clock.utc_now_s()
            clock.advance(away_s)
            pool.system, pool.timeline = system, timeline
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


@pytest.mark.parametrize("next_number", [900, 1100, 5000])
def test_a_replica_that_takes_over_may_have_lost_a_minute_however_far_it_has_counted(after, next_number):
    assert after(10.0, next_number, timeline="00000002") == [-LAG_S]


def test_a_replica_that_lags_by_more_than_is_heard_of_was_put_back(after):
    assert after(10.0, 899, timeline="00000002") == [-math.inf]


def test_another_history_after_long_is_a_restored_one(after):
    assert after(10.0, 5000, timeline="00000002", away_s=TAKEN_OVER_WITHIN_S) == [-LAG_S]
    assert after(10.0, 5000, timeline="00000002", away_s=TAKEN_OVER_WITHIN_S + 1) == [-math.inf]


def test_another_server_has_another_past(after):
    assert after(10.0, 5000, system="two") == [-math.inf]


@pytest.mark.parametrize(("before", "now"), [(("", ""), ("two", "00000002")), (("one", "00000001"), ("", ""))])
def test_a_server_that_does_not_tell_is_known_by_its_numbers(after, before, now):
    assert after(10.0, 5000, before=before, system=now[0], timeline=now[1]) == [math.inf]
    assert after(10.0, 900, before=before, system=now[0], timeline=now[1]) == [-2.0]


def test_a_new_start_in_the_new_history_has_lost_nothing_more(after):
    reads = after(10.0, 5000, 6000, timeline="00000002")
    assert reads == [-LAG_S, math.inf]  # the second start is of the same history


def test_a_replica_that_is_read_before_it_takes_over_is_held_against_the_primary_s_last_word():
    async def story():
        clock, pool = ManualClock(), Pool()
        reader = PostgresChanges(pool, call, clock, 1.0)
        for _ in range(20):
            pool.next_number += 50
            clock.advance(0.5)
            await reader.read()
        ended_s = clock.utc_now_s()
        clock.advance(5.0)
        pool.era, pool.timeline = "2", ""  # in recovery it does not tell
        for _ in range(240):
            assert (await reader.read()).lost_since_s == math.inf
            clock.advance(0.5)
        pool.era, pool.timeline = "3", "00000002"
        read = await reader.read()
        assert (read.is_gap, read.lost_since_s - ended_s) == (True, -LAG_S)

    asyncio.run(story())
