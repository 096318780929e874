"""What happens is counted once, under names that the catalogue knows, and nothing of a person is kept."""

import json

import pytest
from tests.support.manual_clock import ManualClock

from gatewayz_auth.adapters.figures.catalogue import METRICS
from gatewayz_auth.adapters.figures.figures import MAX_SERIES, Figures
from gatewayz_auth.adapters.figures.merging import totals, what_remains
from gatewayz_auth.reliability.facts import BreakerChanged, CallAbandoned, CallEnded, CallOutcome, LoopBlocked
from gatewayz_auth.service.histogram import BOUNDS_S, bucket_of
from gatewayz_auth.service.sign_in_report import SignInReport

PERSON = "did:privy:marked-person"


def report(outcome="ok", source="cache", *, code="ok", reason=None, status=200, length_s=0.004):
    phases = (("parse", 0.001), ("verify", 0.002), (source if outcome == "ok" else "lookup", 0.001))
    return SignInReport("id-1", status, outcome, source, code, reason, length_s, phases, 7, 0.0, PERSON)


@pytest.fixture
def figures():
    return Figures(ManualClock())


def now(figures):
    return totals([json.loads(json.dumps(figures.snapshot()))], {}, 0, 0.0)


def test_each_sign_in_is_counted_once_by_outcome_and_source(figures):
    figures.answered(report())
    figures.answered(report())
    figures.answered(report("unknown", "none", code="overloaded", status=503))
    figures.answered(report("refused", "none", code="token_not_accepted", reason="expired", status=401))
    seen = now(figures)
    durations = seen.histograms["sign_in_duration_seconds"]
    assert {labels: h.count for labels, h in durations.items() if h.count} == {
        ("ok", "cache"): 2,
        ("unknown", "none"): 1,
        ("refused", "none"): 1,
    }
    assert durations["ok", "cache"].sum_s == pytest.approx(0.008)
    assert durations["ok", "cache"].counts[bucket_of(0.004)] == 2
    assert seen.number("problems_total", "overloaded") == 1
    assert seen.number("tokens_refused_total", "expired") == 1
    assert [problem.code for problem in seen.problems] == ["overloaded"]


def test_a_phase_or_source_that_nobody_foresaw_is_counted_and_hurts_nobody(figures):
    odd = report(source="moon")
    figures.answered(odd)
    assert now(figures).histograms["sign_in_duration_seconds"]["ok", "moon"].count == 1


def test_a_length_on_a_bound_belongs_to_the_bucket_of_that_bound():
    assert [bucket_of(bound) for bound in BOUNDS_S] == list(range(len(BOUNDS_S)))
    assert bucket_of(BOUNDS_S[-1] + 1) == len(BOUNDS_S)


def test_nothing_of_a_person_is_kept(figures):
    figures.answered(report())
    figures.answered(report("unknown", "none", code="not_known", status=503))
    assert PERSON not in json.dumps(figures.snapshot())


def test_labels_are_bounded_whatever_comes(figures):
    for number in range(MAX_SERIES + 50):
        figures.count("problems_total", f"code{number}")
        figures.observe("job_duration_seconds", 1.0, f"task{number}")
    snapshot = figures.snapshot()
    assert len(snapshot["numbers"]["problems_total"]) == MAX_SERIES + 1
    assert snapshot["numbers"]["problems_total"]["other"] == 50
    assert len(snapshot["histograms"]["job_duration_seconds"]) <= MAX_SERIES + 1


def test_a_name_that_is_not_in_the_catalogue_is_no_figure(figures):
    with pytest.raises(KeyError):
        figures.count("made_up_total")


def test_facts_become_figures(figures):
    figures.hear(CallEnded("postgres", "sign_in", CallOutcome.TIMED_OUT, 5.0, 5.0))
    figures.hear(CallEnded("postgres", "sign_in", CallOutcome.REFUSED, 0.0, 0.0))
    figures.hear(CallAbandoned("postgres", "sign_in", 3))
    figures.hear(BreakerChanged("postgres", "closed", "open", "5 failures"))
    figures.hear(LoopBlocked(2.0))
    seen = now(figures)
    assert seen.histograms["query_duration_seconds"]["postgres", "sign_in"].count == 1
    assert seen.number("query_timeouts_total", "postgres") == 1
    assert (seen.number("abandoned_calls"), seen.number("abandoned_calls_total")) == (3, 1)
    assert seen.number("breaker_transitions_total") == 1
    assert [event.kind for event in seen.events] == ["breaker", "loop"]


def test_processes_are_added_up_and_an_ended_one_leaves_its_counts_but_not_its_states():
    one, two, gone = Figures(ManualClock()), Figures(ManualClock()), Figures(ManualClock())
    for figures, count in ((one, 1), (two, 2), (gone, 4)):
        figures.put("pool_size_max", 10, "postgres")
        figures.put("breaker_state", count, "postgres")
        figures.put("cache_entries", 100, "redis")
        for _ in range(count):
            figures.answered(report())
            figures.count("query_timeouts_total", "postgres", "sign_in")
    retired = what_remains(what_remains({}, {}), gone.snapshot())
    seen = totals([one.snapshot(), two.snapshot()], retired, 1, 0.0)
    assert seen.number("query_timeouts_total") == 7
    assert seen.histograms["sign_in_duration_seconds"]["ok", "cache"].count == 7
    assert seen.number("pool_size_max") == 20
    assert seen.number("breaker_state") == 2
    assert seen.number("cache_entries", "redis") == 100, "every process sees the same Redis"
    assert (seen.processes, seen.number("processes_ended_total")) == (2, 1)


def test_people_who_were_not_answered_are_counted_once_over_all_processes_those_that_ended_too():
    living, gone = Figures(ManualClock()), Figures(ManualClock())
    for figures, people in ((living, (1, 2)), (gone, (2, 3))):
        figures.answered(report("refused", "none", code="account_disabled", status=403))
        for number in people:
            not_known = report("unknown", "none", code="not_known", status=503)
            figures.answered(not_known._replace(privy_user_id=f"did:privy:{number}"))
            figures.answered(not_known._replace(privy_user_id=None))
    retired = what_remains(what_remains({}, {}), gone.snapshot())
    assert totals([living.snapshot()], retired, 1, living.snapshot()["at_s"]).concerned == 3


def test_the_slowest_of_a_second_is_forgotten_with_it(figures):
    figures.answered(report(length_s=3.0))
    assert figures.snapshot()["slowest_s"] == 3.0
    assert figures.snapshot(ends_second=True)["slowest_s"] == 3.0
    assert figures.snapshot()["slowest_s"] == 0.0


def test_every_name_is_there_once_and_every_time_is_in_seconds():
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    assert all("|" not in name and not name.endswith("_ms") for name in names)
