"""A load comes as it was planned, and its report says what befell whom."""

import json

import pytest

from gatewayz_auth.cli.load_picture import draw
from gatewayz_auth.reliability.entropy import Dice
from gatewayz_auth.service import load_report
from gatewayz_auth.service.load_plan import MOST_ARRIVALS, Kind, Plan, arrivals, read_mix
from gatewayz_auth.service.load_seen import Outcome, Seen, outcome_of

PLAN = Plan(people=10, rate=100, seconds=20)


def come(plan=PLAN, seed=7):
    return arrivals(plan, Dice(seed).fraction)


def seen_of(plan=PLAN, *, waits=lambda n: 0.002, outcome=lambda n: Outcome.CACHE, late_s=0.0, seed=7):
    seen = Seen(plan)
    for number, arrival in enumerate(come(plan, seed)):
        seen.began(late_s)
        seen.ended(arrival.at_s, Kind.RETURNING, outcome(number), waits(number), 8.0)
    return seen


def told(seen, plan=PLAN):
    """As it lies in a file."""
    return json.loads(json.dumps(load_report.report(plan, seen, {"commit": "0123456789ab"})))


def test_the_same_seed_brings_the_same_callers():
    assert come() == come()
    assert come(seed=8) != come()


def test_callers_come_at_the_rate_mixed_as_asked_and_newcomers_once_each():
    found = come(Plan(people=10, rate=500, seconds=20))
    assert len(found) == pytest.approx(10_000, rel=0.05)
    assert [one.at_s for one in found] == sorted(one.at_s for one in found)
    counts = {kind: sum(one.kind is kind for one in found) / len(found) for kind in Kind}
    assert counts == pytest.approx({Kind.RETURNING: 0.8, Kind.NEW: 0.15, Kind.FORGED: 0.05}, abs=0.015)
    new = [one.person for one in found if one.kind is Kind.NEW]
    assert new == list(range(len(new)))
    assert {one.person for one in found if one.kind is Kind.RETURNING} == set(range(10))


def test_a_mix_may_have_any_sum_and_leave_kinds_out():
    assert {one.kind for one in come(Plan(mix=read_mix("new=1")))} == {Kind.NEW}
    assert Plan(mix=read_mix("returning=3, forged=1")).share(Kind.FORGED) == 0.25


@pytest.mark.parametrize("text", ["", "old=5", "new", "new=-1", "new=x", "new=0", "new=inf", "new=nan"])
def test_a_mix_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"share|nobody"):
        read_mix(text)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"people": 0}, "--people"),
        ({"rate": float("nan")}, "--rate"),
        ({"seconds": 1e9}, "--for"),
        ({"limit_s": 0}, "--limit"),
        ({"rate": 5000, "seconds": 3600, "mix": {Kind.FORGED: 1}}, str(MOST_ARRIVALS)),
        ({"rate": 1000, "seconds": 400, "mix": {Kind.NEW: 1}}, "newcomers"),
    ],
)
def test_a_plan_without_bounds_is_refused_by_name(changes, word):
    (fault,) = Plan(**changes).faults()
    assert word in fault


@pytest.mark.parametrize(
    ("kind", "status", "source", "is_theirs", "outcome"),
    [
        (Kind.RETURNING, 200, "last-known-good", True, Outcome.LAST_KNOWN_GOOD),
        (Kind.RETURNING, 200, "cache", False, Outcome.WRONG),
        (Kind.RETURNING, 401, "", False, Outcome.WRONG),
        (Kind.NEW, 503, "", False, Outcome.LATER),
        (Kind.NEW, 500, "", False, Outcome.WRONG),
        (Kind.FORGED, 401, "", False, Outcome.REFUSED),
        (Kind.FORGED, 200, "cache", True, Outcome.WRONG),
        (Kind.FORGED, 429, "", False, Outcome.LIMITED),
    ],
)
def test_an_answer_is_judged_by_who_asked(kind, status, source, is_theirs, outcome):
    assert outcome_of(kind, status, source, is_theirs=is_theirs) is outcome


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, "passed"),
        ({"outcome": lambda n: Outcome.WRONG if n == 9 else Outcome.CACHE}, "failed"),
        ({"outcome": lambda n: Outcome.NOTHING if n == 9 else Outcome.CACHE}, "failed"),
        ({"outcome": lambda n: Outcome.LATER if n % 20 == 0 else Outcome.CACHE}, "failed"),
        ({"waits": lambda n: 9.0 if n == 9 else 0.002}, "failed"),
        ({"late_s": 0.2}, "unknown"),
    ],
)
def test_the_verdict_holds_the_service_to_its_promise_and_us_to_ours(given, verdict):
    assert told(seen_of(**given))["verdict"] == verdict


def test_a_caller_who_could_not_come_makes_the_load_worth_nothing():
    seen = seen_of()
    seen.left_out()
    assert told(seen)["verdict"] == "unknown"


def test_one_who_hung_stands_in_the_figures_with_all_they_waited():
    report = told(seen_of(waits=lambda n: 30.0 if n % 50 == 0 else 0.002))
    assert report["waits"]["p99_ms"] == pytest.approx(30_000, rel=0.01)
    assert sum(window["asked"] for window in report["windows"]) == report["came"]


def test_a_report_beside_an_earlier_one_is_worse_better_or_the_same():
    well, slow = told(seen_of()), told(seen_of(waits=lambda n: 0.02))
    again = told(seen_of(seed=8))

    def beside(mine, *earlier):
        return load_report.compared(mine, earlier, Dice(1).fraction)

    assert beside(slow, well).verdict == "worse"
    assert load_report.with_comparison(slow, beside(slow, well))["verdict"] == "worse"
    assert beside(well, slow).verdict == "better"
    assert beside(again, well).why == "no difference that is more than noise"
    assert load_report.with_comparison(again, beside(again, well))["verdict"] == "passed"


def test_loads_that_were_not_made_alike_are_not_compared():
    other = Plan(people=10, rate=90, seconds=20)
    found = load_report.compared(told(seen_of()), [told(seen_of(other), other)], Dice(1).fraction)
    assert found.verdict == "unknown"
    assert "rate 100, was 90" in found.why


@pytest.mark.parametrize("outcome", [Outcome.CACHE, Outcome.LATER])
def test_the_picture_says_the_figures_in_words_and_is_small(outcome):
    drawn = draw(told(seen_of(outcome=lambda _: outcome)))
    assert len(drawn) < 60_000
    assert "P99 2.0 ms" in drawn
    assert ("in vain: 503" in drawn) == (outcome is Outcome.LATER)
    assert "prefers-color-scheme:dark" in drawn
