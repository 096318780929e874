"""The console is told of the last drill by a file, which may be missing, not whole, or far too long."""

import pytest
from drill.__main__ import tell_the_console

from gatewayz_auth.adapters.drill_report import LAST_DRILL, last_drill


def test_what_a_drill_leaves_is_what_the_console_shows(tmp_path):
    tell_the_console(("Now: all 90 answered within 8 s.", "Returning people: every one of 60 signed in."), tmp_path)
    told = last_drill(tmp_path / LAST_DRILL)
    assert told["sentence"] == "All 90 answered within 8 s. Returning people: every one of 60 signed in."
    assert len(told["at"]) == len("2026-11-28")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"at": "2026-11-28"}', '{"at": 1, "sentence": "' + "x" * 5000])
def test_a_report_that_is_not_whole_is_none(tmp_path, text):
    (tmp_path / "last").write_text(text)
    assert last_drill(tmp_path / "last") is None
    assert last_drill(tmp_path / "missing") is None


def test_a_long_sentence_is_cut(tmp_path):
    (tmp_path / "last").write_text('{"at": "2026-11-28", "sentence": "' + "x" * 2000 + '"}')
    assert len(last_drill(tmp_path / "last")["sentence"]) == 300
