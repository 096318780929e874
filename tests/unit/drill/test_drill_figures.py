"""What a drill says is what its records say."""

import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest
from drill import page, picture
from drill.breakers import Stretch, worst_of
from drill.calls import Call, Ping, Seen, Source
from drill.figures import broken_promises, figures, is_fair, longest_silence_s, percentile, well_again_s, wrong
from drill.marks import dots, rising_lines
from drill.plan import Plan
from drill.processes import BreakerChange
from drill.run import Drill
from drill.words import now_sentence, sentence_of_before, span

from gatewayz_auth.service.load_plan import Kind

PLAN = Plan(seconds=60.0)


def call(at_s=1.0, waited_s=0.01, source=Source.DATABASE, status=200, kind=Kind.RETURNING, *, is_wrong=False):
    return Call(kind, at_s, waited_s, source, status, is_wrong)


def gave_up(at_s):
    return call(at_s, 30.0, Source.NOTHING, 0)


def drill(before=(), now=(), **changes):
    pings = tuple(Ping(turn / 4, 0.002) for turn in range(240))
    closed = (Stretch(0.0, 60.0, "closed"),)
    made = Drill(PLAN, Seen(tuple(before), pings), Seen(tuple(now), pings), closed, closed, 1_800_000_000.0)
    return dataclasses.replace(made, **changes)


def test_everybody_comes_when_the_plan_says_and_again_in_the_next_run():
    arrivals = PLAN.arrivals()
    assert arrivals == Plan(seconds=60.0).arrivals()
    assert [arrival.at_s for arrival in arrivals] == sorted(arrival.at_s for arrival in arrivals)
    shares = {kind: sum(arrival.kind is kind for arrival in arrivals) / len(arrivals) for kind in Kind}
    assert shares == pytest.approx({Kind.RETURNING: 0.80, Kind.NEW: 0.15, Kind.FORGED: 0.05}, abs=0.02)
    assert len(arrivals) == pytest.approx(1800, rel=0.05)


@pytest.mark.parametrize(("seconds", "rate"), [(5.9, 30), (601, 30), (60, 0), (60, 501)])
def test_a_drill_that_would_show_nothing_is_refused(seconds, rate):
    with pytest.raises(ValueError, match="6 to 600 seconds"):
        Plan(seconds, rate)


def test_a_percentile_is_a_time_that_somebody_waited():
    waits = [float(number) for number in range(1, 101)]
    assert (percentile(waits, 0.5), percentile(waits, 0.99), percentile([3.0], 0.99)) == (50.0, 99.0, 3.0)


def test_whoever_gave_up_was_not_answered_and_counts_with_what_they_waited():
    found = figures([call(), gave_up(2.0), call(waited_s=8.1)])
    assert (found.callers, found.in_time, found.signed_in_time, found.worst_s) == (3, 1, 1, 30.0)


def test_a_refusal_in_time_is_an_answer_and_no_sign_in():
    found = figures([call(source=Source.LATER, status=503)])
    assert (found.in_time, found.signed_in_time) == (1, 0)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (call(waited_s=8.01), "no answer within 8 s"),
        (call(source=Source.LATER, status=503), "returning people were not signed in"),
        (call(is_wrong=True), "answers were wrong"),
        (call(source=Source.NOTHING, status=500), "no answer that they can use"),
    ],
)
def test_every_promise_that_was_broken_is_said(seen, said):
    assert any(said in line for line in broken_promises(Seen((call(), seen), ())))
    assert broken_promises(Seen((call(),), ())) == []


def test_the_longest_silence_is_from_the_first_unanswered_look_to_the_last():
    waits = [0.1, None, 1.5, None, 0.1, None, 0.1]
    assert longest_silence_s([Ping(float(nr), waited_s) for nr, waited_s in enumerate(waits)]) == 2.0


def test_it_is_well_again_when_the_last_of_those_who_waited_long_had_come():
    seen = Seen((call(39.0, 20.0), call(41.0, 3.0), call(45.0, 1.1), call(50.0, 0.1)), ())
    assert well_again_s(seen, 40.0, 1.0) == 5.0


def test_a_run_in_which_before_was_late_before_the_freeze_compares_nothing():
    assert is_fair(Seen((call(1.0, 0.2), call(25.0, 20.0)), ()), 20.0)
    assert not is_fair(Seen((call(1.0, 0.2), call(12.0, 3.0)), ()), 20.0)


def test_the_worst_breaker_of_two_workers_is_shown():
    changes = [
        BreakerChange(1020.5, "postgres", "closed", "open"),
        BreakerChange(1021.0, "postgres", "closed", "open"),
        BreakerChange(1030.0, "redis", "closed", "open"),
        BreakerChange(1040.0, "postgres", "open", "half_open"),
        BreakerChange(1040.5, "postgres", "open", "half_open"),
        BreakerChange(1041.0, "postgres", "half_open", "closed"),
        BreakerChange(1042.0, "postgres", "half_open", "closed"),
    ]
    assert worst_of("postgres", changes, 2, 1000.0, 60.0) == (
        Stretch(0.0, 20.5, "closed"),
        Stretch(20.5, 40.5, "open"),
        Stretch(40.5, 42.0, "half_open"),
        Stretch(42.0, 60.0, "closed"),
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.00143, "1.4 ms"), (0.1534, "153 ms"), (0.9996, "1.0 s"), (1.149, "1.1 s"), (23.4, "23 s")],
)
def test_a_time_is_said_as_one_reads_it(seconds, words):
    assert span(seconds) == words


def test_the_sentences_do_not_flatter():
    one_late = drill([gave_up(21.0)], [call(waited_s=8.5), call(source=Source.LATER, status=503)])
    assert sentence_of_before(one_late)[0] == "Before: 1 of 1 callers had no answer within 8 s."
    assert now_sentence(one_late)[0].startswith("Now: 1 of 2 answered within 8 s")
    assert "every one" not in now_sentence(one_late)[1]


def test_nearly_all_is_never_written_as_all():
    calls = [call(float(nr) / 100) for nr in range(5999)]
    text = page.write(drill(now=[*calls, call(59.99, 9.0)]))
    assert "| returning people | now | 6,000 | 99.9 % (5,999) |" in text


def test_marks_stand_where_they_should_and_each_place_once():
    assert dots([(3, 4), (1, 2), (3, 4)]) == "m1 2h0m2 2h0"
    assert dots([(5, 5), (9, 5)], is_cross=True).count("l6 6") == 2
    assert rising_lines([(7, 90, 10)]) == "M7 90V10"


def test_the_picture_is_small_well_formed_and_says_itself_in_words():
    before = [call(nr / 100, nr % 9 + 0.1) for nr in range(3000)] + [gave_up(nr / 100) for nr in range(3000, 3300)]
    sources = (Source.CACHE, Source.DATABASE, Source.LAST_KNOWN_GOOD)
    now = [call(nr / 100, (nr * 37 % 1000 + 1) / 1000, sources[nr % 3]) for nr in range(6000)]
    drawn = picture.draw(drill(before, now))
    assert len(drawn.encode()) <= 60_000
    root = ET.fromstring(drawn)  # noqa: S314 - our own
    names = {child.tag.rpartition("}")[2]: child.text for child in root}
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "t d"
    assert "before" in names["title"]
    assert all(sentence in names["desc"] for sentence in (*sentence_of_before(drill(before, now)),))
    assert "prefers-color-scheme:dark" in drawn
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", drawn)


def test_wrong_answers_are_counted_whoever_got_them():
    assert wrong([call(), call(is_wrong=True), call(kind=Kind.FORGED, is_wrong=True)]) == 2
