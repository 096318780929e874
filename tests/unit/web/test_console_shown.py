"""What the console is sent: columns without a gap filled, masked people, the runbook as plain HTML."""

import pytest
from tests.support.serving import ROOT

from gatewayz_auth.service.history import Frame
from gatewayz_auth.service.snapshot import Snapshot, Trouble
from gatewayz_auth.web.console.runbook import as_html
from gatewayz_auth.web.console.shown import history_as_json, masked, now_as_json

UNTIL_S = 1_764_000_000.0


def test_a_second_that_nobody_saw_is_nothing_and_not_zero():
    seen = [Frame(int(UNTIL_S) - 2, answered={"cache": 10, "unknown": 5}, durations={3: 15})]
    shown = history_as_json(seen, 900, 5, UNTIL_S)
    assert len(shown["at"]) == len(shown["cache"]) == len(shown["p99"]) == 180
    assert shown["cache"][-1] == 10.0
    assert shown["refused"][-1] == 5.0
    assert shown["cache"][-2] is None
    assert shown["p99"][-2] is None
    assert shown["at"][-1] == UNTIL_S


def test_coarse_frames_are_rates_a_second_too():
    seen = [Frame(int(UNTIL_S), span_s=120, answered={"database": 240})]
    assert history_as_json(seen, 86400, 480, UNTIL_S)["database"][-1] == 2.0


def test_ribbons_join_what_is_alike():
    start = int(UNTIL_S) - 10
    seen = [Frame(start + n, breakers={"postgres": 2 if 3 <= n <= 5 else 0}) for n in range(10)]
    assert history_as_json(seen, 900, 5, UNTIL_S)["ribbons"]["postgres"] == [
        (start - 1, start + 2, "closed"),
        (start + 2, start + 5, "open"),
        (start + 5, start + 9, "closed"),
    ]


def test_a_snapshot_carries_its_sentence_its_band_and_the_pools_line():
    shown = now_as_json(Snapshot(at_s=UNTIL_S))
    assert shown["situation"]["sentence"] == "Nobody has signed in yet."
    assert shown["pool"]["band"] == "UNKNOWN"
    assert shown["pool"]["diagnostics"].startswith("Connection pool diagnostics: ")


@pytest.mark.parametrize(
    ("kept", "whole", "people", "note"),
    [
        (0, 0, 0, ""),
        (3, 0, 0, "none in 15 min"),
        (3, 3, 1, "3 in 15 min, of 1 person"),
        (12, 1212, 37, "the last 6 of 1,212 in 15 min, of 37 people"),
        (12, 50, 0, "the last 6 of 50 in 15 min"),
    ],
)
def test_beside_the_problems_stands_of_how_many_and_of_how_many_people_they_are(kept, whole, people, note):
    trouble = Trouble(UNTIL_S, 503, "not_known", 0.1, "id")
    now = Snapshot(UNTIL_S, troubles=(trouble,) * kept, unanswered=whole, concerned=people)
    assert now_as_json(now)["troubles_note"] == note


@pytest.mark.parametrize(
    ("given", "shown"),
    [("ada@example.com", "a•••@e•••"), ("+491701234567", "+•••"), ("Ada L.", "A•••"), (None, None), ("", "")],
)
def test_what_is_masked_cannot_be_read(given, shown):
    assert masked(given) == shown


def test_the_runbooks_forms_become_html_and_nothing_in_it_does():
    text = "# A *title*\n\nFirst `a<b>`\ngoes **on**.\n\n- one\n  more\n- [two](redis-away.md#x)\n\n1. [out](../x.md)\n"
    html = as_html(text)
    assert "<h1>A <em>title</em></h1>" in html
    assert "<p>First <code>a&lt;b&gt;</code> goes <b>on</b>.</p>" in html
    assert '<li><a href="/console/runbook/redis-away">two</a></li></ul>' in html
    assert "<ol><li>out</li></ol>" in html
    assert "<script" not in as_html("<script>alert(1)</script>")


@pytest.mark.parametrize("page", sorted((ROOT / "docs/runbook").glob("*.md")), ids=lambda page: page.stem)
def test_every_page_of_the_runbook_is_shown_without_a_mark_left_over(page):
    html = as_html(page.read_text("utf-8"))
    assert html.startswith("<h1>")
    assert "](" not in html
    assert "**" not in html
