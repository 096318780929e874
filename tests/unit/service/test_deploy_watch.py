"""The time after a deployment is held to the time before it, each second counted once."""

import pytest

from gatewayz_auth.reliability.entropy import Dice
from gatewayz_auth.service.deploy_watch import MOST_WINDOWS, Stretch, judged
from gatewayz_auth.service.histogram import bucket_of
from gatewayz_auth.service.history import Frame, History
from gatewayz_auth.service.noise import CERTAIN_Z

START_S = 1_795_000_000


def frames(seconds, *, from_s=START_S, wait_s=0.004, unknown=0):
    return [
        Frame(
            from_s + number,
            answered={"cache": 20, "database": 5, "unknown": unknown},
            durations={bucket_of(wait_s): 20, bucket_of(wait_s * 3): 5 + unknown},
            timeouts=unknown,
        )
        for number in range(1, seconds + 1)
    ]


def stretch(found, from_s=START_S, seconds=3600):
    one = Stretch(from_s, from_s + seconds)
    one.add(found)
    return one


def test_each_second_is_counted_once_however_often_it_is_told():
    one = Stretch(START_S, START_S + 50)
    seconds = frames(60, from_s=START_S - 5)
    for until in (20, 30, 30, 60):
        one.add(seconds[:until])
    assert one.as_json()["seconds"] == 50
    assert one.as_json()["sign_ins"] == 50 * 25


@pytest.mark.parametrize("window_s", [900, 3600, 86400])
def test_whatever_resolution_is_left_no_sign_in_is_counted_twice(window_s):
    history = History()
    for frame in frames(5000):
        history.add(frame)
    told = stretch(history.frames(window_s, START_S + 5000), START_S + 5000 - min(5000, window_s), window_s).as_json()
    assert 25 * (min(window_s, 5000) - 240) <= told["sign_ins"] <= 25 * min(window_s, 5000)


def test_what_is_kept_is_bounded():
    one = stretch(frames(10_000), seconds=10_000)
    assert MOST_WINDOWS / 2 < len(one.windows()) <= MOST_WINDOWS
    assert sum(window.asked for window in one.windows()) == 10_000 * 25


def test_its_figures_are_those_of_the_frames():
    told = stretch(frames(10, unknown=1)).as_json()
    assert (told["sign_ins"], told["errors"], told["timeouts"], told["per_s"]) == (260, 10, 10, 26)
    assert told["hit_rate"] == pytest.approx(20 / 26)
    low, high = told["error_rate_between"]
    assert low < told["error_rate"] < high
    assert told["p50_ms"] < told["p95_ms"]
    assert stretch([]).as_json()["p99_ms"] is None


@pytest.mark.parametrize(
    ("after", "verdict"),
    [({}, "same"), ({"wait_s": 0.2}, "worse"), ({"unknown": 3}, "worse"), ({"wait_s": 0.001}, "better")],
)
def test_slower_or_failing_is_worse_and_the_same_is_the_same(after, verdict):
    found = judged(stretch(frames(60)), stretch(frames(60, **after)), Dice(1).fraction, CERTAIN_Z)
    assert found.verdict == verdict, found.why


def test_without_a_time_before_nothing_can_be_said():
    found = judged(stretch([]), stretch(frames(60)), Dice(1).fraction, CERTAIN_Z)
    assert found.verdict == "unknown"
    assert "before" in found.why
