"""Luck changes no verdict, and what differs by more than luck does."""

import pytest

from gatewayz_auth.reliability.entropy import Dice
from gatewayz_auth.service.fine_histogram import LONGEST_S, PRECISION, length_s, quantile_s, slot_of
from gatewayz_auth.service.noise import FEW, FEW_WINDOWS, Window, compare

ROUNDS = 20


def run_of(dice, *, windows=20, each=50, usual_s=0.01, failing=0.0, swing=0.2):
    """A run whose seconds have moods: each second as a whole is a little faster or slower."""
    made = []
    for _ in range(windows):
        mood = 1 + swing * (dice() - 0.5)
        counts, failed = {}, 0
        for _ in range(each):
            slot = slot_of(usual_s * mood * (0.5 + dice()))
            counts[slot] = counts.get(slot, 0) + 1
            failed += dice() < failing
        made.append(Window(each, failed, counts))
    return made


def judged(before, now, seed=1):
    return compare([before], now, quantile_s, Dice(seed).fraction)


@pytest.mark.parametrize("length", [0.00002, 0.0005, 0.0123, 1.0, 8.0, 119.0])
def test_a_wait_is_told_to_one_percent_whatever_its_size(length):
    assert length_s(slot_of(length)) == pytest.approx(length, rel=PRECISION)


def test_the_number_of_slots_is_bounded():
    assert slot_of(float("inf")) == slot_of(LONGEST_S) < 1100
    assert slot_of(0) == slot_of(-1) == 0


def test_a_quantile_is_a_rank_and_nothing_of_nothing():
    counts = {slot_of(0.001): 99, slot_of(5.0): 1}
    assert quantile_s(counts, 0.99) == pytest.approx(0.001, rel=PRECISION)
    assert quantile_s(counts, 0.995) == pytest.approx(5.0, rel=PRECISION)
    assert quantile_s({}, 0.5) is None


def test_two_runs_of_the_same_are_told_apart_one_time_in_twenty_at_most():
    dice = Dice(5).fraction
    found = [judged(run_of(dice, failing=0.01), run_of(dice, failing=0.01), n).verdict for n in range(ROUNDS)]
    assert found.count("same") >= ROUNDS - 1


@pytest.mark.parametrize(("changes", "words"), [({"usual_s": 0.02}, "P50"), ({"failing": 0.08}, "failed")])
def test_twice_as_slow_or_failing_is_worse_and_the_way_back_is_better(changes, words):
    dice = Dice(6).fraction
    well, ill = run_of(dice), run_of(dice, **changes)
    worse = judged(well, ill)
    assert worse.verdict == "worse"
    assert words in worse.why
    assert judged(ill, well).verdict == "better"


def test_one_bad_second_is_no_proof():
    dice = Dice(7).fraction
    well = run_of(dice)
    assert judged(well, [*run_of(dice, windows=19), Window(50, 25, well[0].counts)]).verdict == "same"


def test_what_is_certain_and_too_small_to_matter_is_no_difference():
    dice = Dice(8).fraction
    found = judged(run_of(dice, each=500, swing=0.01), run_of(dice, each=500, swing=0.01, usual_s=0.0106))
    (p50,) = [one for one in found.differences if one.name == "p50"]
    assert p50.low > 1
    assert found.verdict == "same"


def test_of_too_few_nothing_is_said():
    dice = Dice(9).fraction
    few = run_of(dice, windows=FEW_WINDOWS, each=FEW // FEW_WINDOWS)
    assert judged(run_of(dice), few).verdict == "unknown"
    assert judged(run_of(dice, windows=FEW_WINDOWS - 1), run_of(dice)).verdict == "unknown"
    assert judged([], run_of(dice)).verdict == "unknown"


def test_what_earlier_runs_differ_by_among_themselves_is_noise():
    dice = Dice(10).fraction
    fast, slow, now = run_of(dice), run_of(dice, usual_s=0.018), run_of(dice, usual_s=0.02)
    assert judged(fast, now).verdict == "worse"
    assert compare([fast, slow], now, quantile_s, Dice(1).fraction).verdict == "same"


def test_the_slowest_hundredth_is_judged_only_where_there_are_enough():
    dice = Dice(11).fraction
    names = [one.name for one in judged(run_of(dice, windows=9), run_of(dice, windows=9)).differences]
    assert names == ["failed", "p50", "p95"]
