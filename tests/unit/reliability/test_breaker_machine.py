"""The breaker's decisions, one event after another, without a loop and without a clock."""

from __future__ import annotations

import pytest

from gatewayz_auth.reliability.breaker_machine import (
    CACHE_LIMITS,
    BreakerLimits,
    BreakerState,
    Event,
    Kind,
    Phase,
    may_ask,
    meaning_of_a_cut,
    next_state,
    slow_after_s,
)

LIMITS = BreakerLimits()


def _after(*events, state=None):
    """The state after ``(at_s, kind, value_s)``, each of the generation that is current then, probes of none."""
    state = state or BreakerState()
    for at_s, kind, *value in events:
        is_call = kind not in {Kind.PROBE_GOOD, Kind.PROBE_BAD, Kind.TICK}
        generation = state.generation if is_call else None
        state = next_state(state, Event(kind, generation, *value), at_s, LIMITS)
    return state


def _open(at_s=0.0):
    return _after((at_s, Kind.SLOW))


def test_five_failures_within_a_second_open_it_and_four_do_not():
    failures = [(0.1 * index, Kind.FAILED) for index in range(5)]
    assert _after(*failures[:4]).phase is Phase.CLOSED
    assert _after(*failures).phase is Phase.OPEN
    assert _after(*failures).reason == "failures"


def test_failures_that_are_spread_out_do_not_open_it():
    assert _after(*((0.3 * index, Kind.FAILED) for index in range(15))).phase is Phase.CLOSED


def test_an_answer_between_failures_begins_the_count_anew():
    events = [(0.1, Kind.FAILED), (0.2, Kind.FAILED), (0.3, Kind.FAILED), (0.4, Kind.FAILED), (0.5, Kind.ANSWERED)]
    assert _after(*events, (0.6, Kind.FAILED)).phase is Phase.CLOSED


def test_half_of_all_calls_failing_opens_it_although_others_are_answered():
    events = [(0.01 * index, Kind.FAILED if index % 2 else Kind.ANSWERED, 0.01) for index in range(20)]
    assert _after(*events).reason == "share"


def test_a_fifth_of_all_calls_failing_does_not_open_it():
    events = [(0.01 * index, Kind.FAILED if index % 5 == 0 else Kind.ANSWERED, 0.01) for index in range(1000)]
    assert _after(*events).phase is Phase.CLOSED


def test_one_slow_call_opens_it():
    assert _open().phase is Phase.OPEN


def test_open_lets_nobody_through_until_a_probe_is_good():
    state = _after((0.5, Kind.PROBE_BAD), (1.0, Kind.PROBE_BAD), state=_open())
    assert not may_ask(state, LIMITS)
    state = _after((1.5, Kind.PROBE_GOOD, 0.002), state=state)
    assert state.phase is Phase.HALF_OPEN
    assert may_ask(state, LIMITS)


def test_a_prober_that_is_heard_of_keeps_it_open_and_one_that_is_silent_does_not():
    heard = _after(*((0.5 * index, Kind.PROBE_BAD) for index in range(100)), state=_open())
    assert _after((52.0, Kind.TICK), state=heard).phase is Phase.OPEN
    assert _after((4.9, Kind.TICK), state=_open()).phase is Phase.OPEN
    assert _after((5.0, Kind.TICK), state=_open()).phase is Phase.HALF_OPEN


def test_half_open_begins_with_one_call_and_doubles_with_each_answer():
    state = _after((1.0, Kind.PROBE_GOOD, 0.002), state=_open())
    state = _after((1.0, Kind.ASKED), state=state)
    assert not may_ask(state, LIMITS)
    state = _after((1.1, Kind.ANSWERED, 0.002), (1.1, Kind.ASKED), state=state)
    assert may_ask(state, LIMITS)
    state = _after((1.1, Kind.ASKED), state=state)
    assert not may_ask(state, LIMITS)


def test_four_answers_close_it():
    state = _after((1.0, Kind.PROBE_GOOD, 0.002), state=_open())
    for index in range(4):
        assert state.phase is Phase.HALF_OPEN
        state = _after((1.0 + index, Kind.ASKED), (1.1 + index, Kind.ANSWERED, 0.1), state=state)
    assert state.phase is Phase.CLOSED


def test_any_failure_or_slow_call_in_half_open_opens_it():
    half_open = _after((1.0, Kind.PROBE_GOOD, 0.002), (1.0, Kind.ASKED), state=_open())
    for kind in (Kind.FAILED, Kind.SLOW, Kind.PROBE_BAD):
        assert _after((1.1, kind), state=half_open).phase is Phase.OPEN


def test_a_permit_that_says_nothing_is_back_all_the_same():
    state = _after((1.0, Kind.PROBE_GOOD, 0.0), (1.0, Kind.ASKED), (1.1, Kind.SAID_NOTHING), state=_open())
    assert may_ask(state, LIMITS)


def test_half_open_never_lasts_whether_calls_are_lost_or_nobody_comes():
    half_open = _after((1.0, Kind.PROBE_GOOD, 0.002), state=_open())
    assert _after((6.0, Kind.TICK), state=half_open).phase is Phase.CLOSED
    assert _after((1.5, Kind.ASKED), (6.0, Kind.TICK), state=half_open).phase is Phase.OPEN


def test_a_report_from_before_the_last_change_is_no_news():
    half_open = _after((1.0, Kind.PROBE_GOOD, 0.002), state=_open())
    for kind in (Kind.FAILED, Kind.ANSWERED, Kind.SLOW, Kind.SAID_NOTHING):
        assert next_state(half_open, Event(kind, generation=0), 1.1, LIMITS) == half_open


def test_what_is_slow_follows_the_pace_of_a_neighbour_that_is_known_to_be_slow_but_only_so_far():
    assert slow_after_s(BreakerState(pace_s=0.002), LIMITS) == 0.6
    assert slow_after_s(BreakerState(pace_s=0.7), LIMITS) == 0.7 * 3
    assert slow_after_s(BreakerState(pace_s=20.0), LIMITS) == 3.0


@pytest.mark.parametrize("pace_s", [0.0, 0.02, 0.045])
def test_a_cache_that_fell_silent_is_given_up_within_a_second_however_slow_it_was_before(pace_s):
    state, now_s = BreakerState(pace_s=pace_s), 100.0
    while state.phase is Phase.CLOSED:
        now_s += 0.05  # each call is cut at 50 ms, which at that pace may be nothing but impatience
        kind = meaning_of_a_cut(state, 0.05, CACHE_LIMITS)
        state = next_state(state, Event(kind, state.generation, 0.05), now_s, CACHE_LIMITS)
        assert now_s <= 101.0, "it never opens"


def test_a_slow_neighbour_that_answers_now_and_then_is_not_given_up_for_the_impatience_of_others():
    state, now_s = BreakerState(pace_s=0.5), 100.0
    for turn in range(400):
        now_s += 0.05
        kind = Kind.ANSWERED if turn % 10 == 9 else meaning_of_a_cut(state, 0.15, LIMITS)
        assert kind is not Kind.FAILED
        state = next_state(state, Event(kind, state.generation, 0.5), now_s, LIMITS)
    assert state.phase is Phase.CLOSED


def test_impatience_gives_its_place_back_in_half_open_and_that_of_a_waiter_takes_none():
    state = _after((1.0, Kind.PROBE_GOOD, 0.5), (1.1, Kind.ASKED), state=_open())
    assert state.running == 1
    assert next_state(state, Event(Kind.IMPATIENT, None, 0.15), 1.2, LIMITS).running == 1
    assert next_state(state, Event(Kind.IMPATIENT, state.generation, 0.15), 1.2, LIMITS).running == 0


def test_silence_does_not_reach_back_before_the_last_answer():
    state = next_state(BreakerState(pace_s=0.05), Event(Kind.ANSWERED, 0, 0.05), 9.99, LIMITS)
    for number in range(5):
        state = next_state(state, Event(Kind.IMPATIENT, 0, 0.65), 10.0 + number / 1000, LIMITS)
    assert state.phase is Phase.CLOSED


def test_a_time_in_which_nobody_asked_is_no_silence():
    state = next_state(BreakerState(pace_s=0.2), Event(Kind.IMPATIENT, 0, 0.15), 10.0, LIMITS)
    for number in range(5):
        state = next_state(state, Event(Kind.IMPATIENT, None, 0.15), 610.0 + number / 1000, LIMITS)
    assert state.phase is Phase.CLOSED
