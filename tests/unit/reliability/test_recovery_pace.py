"""After an outage what can wait is asked for at the rate of before; what cannot wait is never held."""

import itertools
import random

import pytest
from tests.support.manual_clock import ManualClock

from gatewayz_auth.reliability.facts import BreakerChanged
from gatewayz_auth.reliability.recovery_pace import CALM_S, LEAST_PER_S, RecoveryPace

OPENED = BreakerChanged("postgres", "closed", "open", "slow")
CLOSED = BreakerChanged("postgres", "half_open", "closed", "answers")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def pace(clock):
    return RecoveryPace(clock)


def ask(pace, clock, per_s, seconds, *, can_wait=True, seed=1):
    """The moments at which questions that came at ``per_s``, at random, were let through."""
    dice, let_through = random.Random(seed), []  # noqa: S311 - no secret
    end_s = clock.monotonic_s() + seconds
    while clock.monotonic_s() < end_s:
        clock.advance(dice.expovariate(per_s))
        if pace.may_ask(can_wait=can_wait):
            let_through.append(clock.monotonic_s())
    return let_through


def most_in_a_second(moments):
    return max(sum(begin <= at < begin + 1.0 for at in moments) for begin in moments)


def outage(pace, clock, *, seconds=60.0):
    pace.heard(OPENED)
    clock.advance(seconds)
    pace.heard(CLOSED)


def test_before_any_outage_nothing_is_held(pace, clock):
    assert len(ask(pace, clock, 2000, 3.0)) > 5000


@pytest.mark.parametrize("steady_per_s", [20, 100, 700])
def test_after_an_outage_no_second_has_more_than_a_fifth_above_the_steady_rate(pace, clock, steady_per_s):
    ask(pace, clock, steady_per_s, 12.0)
    steady_per_s = 0.1 * len(ask(pace, clock, steady_per_s, 10.0, seed=2))
    outage(pace, clock)
    after = ask(pace, clock, 6 * steady_per_s, 10.0)
    assert most_in_a_second(after) <= 1.2 * steady_per_s + 1
    assert len(after) >= 0.9 * 10 * steady_per_s, "and it is used"


def test_what_cannot_wait_is_never_held_and_what_can_gets_what_that_leaves(pace, clock):
    ask(pace, clock, 100, 12.0)
    outage(pace, clock)
    urgent, patient = [], []
    for _ in range(1000):
        clock.advance(0.005)
        urgent.append(pace.may_ask(can_wait=False))
        patient.append(pace.may_ask(can_wait=True))
    assert all(urgent)
    assert sum(patient) == 0, "200 urgent questions a second already exceed it"


def test_a_quiet_service_may_ask_at_a_rate_that_no_database_minds(pace, clock):
    ask(pace, clock, 0.5, 12.0)
    outage(pace, clock)
    assert LEAST_PER_S <= most_in_a_second(ask(pace, clock, 500, 5.0)) <= 1.2 * LEAST_PER_S + 2


def test_where_nothing_is_known_of_before_it_begins_low_and_doubles_each_second(pace, clock):
    outage(pace, clock)
    asked = [len(ask(pace, clock, 4000, 1.0)) for _ in range(6)]
    assert asked[0] <= 2 * LEAST_PER_S
    assert all(1.7 * before < after < 2.4 * before for before, after in itertools.pairwise(asked))


def test_a_relapse_keeps_the_rate_of_before_the_first_outage(pace, clock):
    ask(pace, clock, 200, 12.0)
    outage(pace, clock)
    ask(pace, clock, 2000, 0.5)
    outage(pace, clock)
    assert 200 < most_in_a_second(ask(pace, clock, 2000, 5.0)) <= 1.2 * 220


def test_a_relapse_right_after_the_calm_keeps_it_too(pace, clock):
    ask(pace, clock, 200, 12.0)
    outage(pace, clock)
    ask(pace, clock, 20, CALM_S + 1.0)
    assert not pace.is_recovering
    outage(pace, clock)
    assert 200 < most_in_a_second(ask(pace, clock, 2000, 5.0)) <= 1.2 * 220


def test_a_freeze_that_was_noticed_late_does_not_lower_the_rate_of_before(pace, clock):
    ask(pace, clock, 200, 12.0)
    clock.advance(1.0)
    outage(pace, clock)
    assert most_in_a_second(ask(pace, clock, 2000, 5.0)) > 180


def test_when_nobody_had_to_wait_for_a_while_everything_is_as_it_was(pace, clock):
    ask(pace, clock, 200, 12.0)
    outage(pace, clock)
    ask(pace, clock, 2000, 1.0)
    assert pace.is_recovering
    ask(pace, clock, 20, CALM_S + 1.0)
    assert not pace.is_recovering
    assert len(ask(pace, clock, 2000, 1.0)) > 1800


@pytest.mark.parametrize("times", [0.9, 1.0, 1.5, 10.0])
@pytest.mark.parametrize("steady_per_s", [0, 3, 25, 400])
def test_recovery_ends_under_whatever_load_comes_after_it(pace, clock, steady_per_s, times):
    if steady_per_s:
        ask(pace, clock, steady_per_s, 12.0)
    outage(pace, clock)
    while pace.is_recovering and clock.monotonic_s() < 1000.0 + 600.0:
        ask(pace, clock, max(5.0, times * steady_per_s), 1.0)
    assert not pace.is_recovering
