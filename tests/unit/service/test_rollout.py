"""Who is in a rollout, and when it goes on, back, or stays."""

import random

from gatewayz_auth.service.histogram import Histogram, bucket_of
from gatewayz_auth.service.rollout import (
    FINISHED,
    HALTED,
    Cohort,
    Rollout,
    interval,
    is_in,
    next_step,
    position,
    quantile_interval_s,
    verdict,
)
from gatewayz_auth.service.rollout_watch import RolloutWatch, cohorts_seen

SEED = 20
POSITION_OF_ADA, POSITION_OF_BOB = 39.343, 12.446
PEOPLE = [f"did:privy:{number}" for number in range(20_000)]


def chance(seed):
    return random.Random(seed)  # noqa: S311 - no secret is made of it


def cohort(requests, *, errors=0, hits=0, took_s=(0.01,), seed=SEED):
    choose = chance(seed)
    counts = [0] * len(Histogram().counts)
    for _ in range(requests):
        counts[bucket_of(choose.choice(took_s))] += 1
    return Cohort(requests, errors, errors, hits, Histogram(tuple(counts), 0.0))


def test_a_share_of_people_is_in_whoever_they_are():
    for share in (1, 10, 50, 90):
        among = sum(is_in(one, share) for one in PEOPLE) / len(PEOPLE) * 100
        assert abs(among - share) < 1.0
    assert not any(is_in(one, 0) for one in PEOPLE)
    assert all(is_in(one, 100) for one in PEOPLE)


def test_where_a_person_stands_never_changes():
    assert [round(position(one), 3) for one in ("did:privy:ada", "did:privy:bob")] == [POSITION_OF_ADA, POSITION_OF_BOB]


def test_equal_cohorts_are_not_told_apart_in_a_thousand_looks():
    choose = chance(SEED)
    for look in range(1000):
        errors = [sum(choose.random() < 0.02 for _ in range(400)) for _ in range(2)]
        old, new = (
            cohort(400, errors=one, took_s=(0.004, 0.02, 0.08), seed=look * 2 + i) for i, one in enumerate(errors)
        )
        assert not verdict(old, new).is_worse


def test_more_errors_are_worse_and_say_so():
    judged = verdict(cohort(500, errors=2), cohort(500, errors=60))
    assert judged.is_worse
    assert "errors are 12.0% of 500" in judged.why
    assert not verdict(cohort(500, errors=60), cohort(500, errors=2)).is_worse


def test_a_slower_tail_is_worse_and_says_so():
    old = cohort(2000, took_s=(0.01,) * 199 + (0.05,))
    new = cohort(2000, took_s=(0.01,) * 9 + (0.4,))
    judged = verdict(old, new)
    assert (judged.is_worse, judged.why.startswith("P99 is")) == (True, True)
    assert not verdict(new, old).is_worse


def test_few_sign_ins_say_nothing_however_bad():
    assert not verdict(cohort(1000), cohort(40, errors=40)).is_worse
    assert not verdict(cohort(40), cohort(1000, errors=1000)).is_worse


def test_the_new_cohort_failing_halts_and_goes_one_stage_back():
    for stage, share in ((0, 0), (1, 10), (2, 50)):
        after = next_step(Rollout(stage=stage), cohort(500), cohort(500, errors=200), 5.0)
        assert (after.state, after.share, after.since_s) == (HALTED, share, 5.0)
        assert next_step(after, cohort(500), cohort(500, errors=200), 6.0) is None


def test_it_advances_by_itself_only_when_told_to_and_soaked_and_better():
    old, new = cohort(500), cohort(500, hits=450)
    rollout = Rollout(is_auto=True, soak_s=60.0)
    assert next_step(rollout, old, new, 59.0) is None
    assert next_step(rollout, old, cohort(500), 61.0) is None
    assert next_step(Rollout(soak_s=60.0), old, new, 61.0) is None
    stages = []
    while rollout.state != FINISHED:
        rollout = next_step(rollout, old, new, rollout.since_s + 61.0)
        stages.append(rollout.share)
    assert stages == [50, 100, 100]


def test_a_rollout_is_read_back_as_it_was_written():
    rollout = Rollout((5, 100), 1, HALTED, 7.0, 60.0, is_auto=True, why="x")
    assert Rollout.of(rollout.as_json()) == rollout


def test_intervals_hold_the_truth_about_19_times_of_20():
    choose = chance(SEED)
    held = 0
    for _ in range(400):
        low, high = interval(sum(choose.random() < 0.1 for _ in range(200)), 200)
        held += low <= 0.1 <= high
    assert held >= 360
    assert interval(0, 0) == (0.0, 1.0)
    low, high = quantile_interval_s(cohort(1000, took_s=(0.004, 0.02, 0.08)).took, 0.5)
    assert low <= 0.02
    assert high >= 0.015  # within a bucket lengths are guessed


def histograms(old, new, failed):
    def took(count):
        counts = [0] * len(Histogram().counts)
        counts[3] = count
        return Histogram(tuple(counts), 0.0)

    return {("old", "database"): took(old), ("new", "cache"): took(new), ("new", "unknown"): took(failed)}


def test_only_what_came_since_the_stage_began_is_judged_also_after_a_restart():
    rollout = Rollout(stage=1, since_s=1.0)
    watch = RolloutWatch()
    watch.look(rollout, histograms(1000, 1000, 900), {})
    watch.look(rollout, histograms(1100, 1200, 900), {})
    old, new = watch.cohorts
    assert (old.requests, new.requests, new.errors, new.hits) == (100, 200, 0, 200)
    another = RolloutWatch()
    another.look(rollout, histograms(1150, 1200, 910), watch.as_json(9.0))
    old, new = another.cohorts
    assert (old.requests, new.requests, new.errors) == (150, 210, 10)
    assert cohorts_seen(another.as_json(9.0)) == {"old": old, "new": new}


def test_with_everybody_in_the_old_cohort_of_the_stage_before_is_compared_with():
    watch = RolloutWatch()
    watch.look(Rollout(stage=1, since_s=1.0), histograms(0, 0, 0), {})
    watch.look(Rollout(stage=1, since_s=1.0), histograms(300, 300, 0), {})
    watch.look(Rollout(stage=2, since_s=2.0), histograms(300, 300, 0), {})
    watch.look(Rollout(stage=2, since_s=2.0), histograms(300, 400, 200), {})
    after = watch.next(Rollout(stage=2, since_s=2.0), 3.0)
    assert (after.state, after.share) == (HALTED, 50)
