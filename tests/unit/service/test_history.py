"""Twenty-four hours are kept in bounded memory, and each resolution tells the same story."""

import json

import pytest

from gatewayz_auth.service.histogram import BOUNDS_S, Histogram, bucket_of
from gatewayz_auth.service.history import MAX_EVENTS, TIERS, Frame, History
from gatewayz_auth.service.overview import Event

START_S = 1_795_000_001


def second(number, **figures):
    return Frame(START_S + number, answered={"cache": 2, "database": 1}, durations={3: 3}, **figures)


def lived(seconds):
    history = History()
    for number in range(seconds):
        history.add(second(number))
    return history, START_S + seconds - 1


@pytest.mark.parametrize("window_s", [60, 900, 3600, 86400])
def test_every_window_counts_each_sign_in_once(window_s):
    seconds = 4000
    history, now_s = lived(seconds)
    frames = history.frames(window_s, now_s)
    told = sum(frame.sign_ins for frame in frames)
    expected = 3 * min(window_s, seconds)
    assert abs(told - expected) <= 3 * frames[0].span_s
    assert sum(frame.span_s for frame in frames) == pytest.approx(min(window_s, seconds), abs=TIERS[-1][0])
    assert [frame.at_s for frame in frames] == sorted(frame.at_s for frame in frames)


def test_memory_is_bounded():
    history, _ = lived(90_000)
    for number in range(2 * MAX_EVENTS):
        history.happened(Event(number, "breaker", "open"))
    assert len(history.kept()) <= sum(most for _, most in TIERS)
    assert len(history.events(-1)) == MAX_EVENTS


def test_a_merged_frame_shows_the_worst_state_and_all_counts():
    history = History()
    for number in range(10):
        pool = {"postgres": {"active": number, "max": 10}}
        history.add(second(number, breakers={"postgres": 2 if number == 3 else 0}, pools=pool, timeouts=1))
    (coarse,) = [frame for tier, frame in history.kept() if tier == 1]
    assert (coarse.breakers, coarse.timeouts, coarse.sign_ins) == ({"postgres": 2}, 10, 30)
    assert coarse.pools["postgres"]["active"] == 9


def test_what_was_kept_is_put_back_as_it_was():
    history, now_s = lived(4000)
    again = History()
    for tier, frame in history.kept():
        again.restore(tier, Frame.from_dict(json.loads(json.dumps(frame.as_dict()))))
    for window_s in (900, 3600, 86400):
        assert again.frames(window_s, now_s) == history.frames(window_s, now_s)
    for number in range(4000, 4100):
        history.add(second(number))
        again.restore(0, second(number))
    assert again.frames(86400, now_s + 100) == history.frames(86400, now_s + 100)


def test_a_clock_set_back_and_a_second_told_twice_count_once():
    history, now_s = lived(5)
    history.add(second(2))
    history.add(second(4))
    assert len(history.frames(60, now_s)) == 5


def test_seconds_that_nobody_saw_are_missing_and_not_zero():
    history = History()
    history.add(second(0))
    history.add(second(30))
    assert len(history.frames(60, START_S + 30)) == 2
    assert all(frame.sign_ins for frame in history.frames(3600, START_S + 30))


def test_percentiles_are_those_that_prometheus_would_tell():
    counts = [0] * (len(BOUNDS_S) + 1)
    counts[bucket_of(0.002)] = 90
    counts[bucket_of(1.0)] = 10
    histogram = Histogram(tuple(counts), 1.0)
    assert histogram.quantile_s(0.45) == pytest.approx(0.00175)
    assert histogram.quantile_s(0.95) == pytest.approx(0.875)
    assert Histogram().quantile_s(0.5) is None
    assert Histogram((0,) * len(BOUNDS_S) + (1,)).quantile_s(0.99) == BOUNDS_S[-1]


def test_a_hit_rate_of_nobody_is_not_told():
    assert Frame(1).hit_rate is None
    assert second(0).hit_rate == pytest.approx(2 / 3)
