"""Nothing wrong is one line; the rest is wrapped, and without colour where it is piped."""

import pytest

from gatewayz_auth.cli.doctor import EXIT_CODES
from gatewayz_auth.cli.report import tell_checks, tell_findings
from gatewayz_auth.service.findings import Severity, by_severity, critical, failed, notice, passed, unknown, warning


def test_nothing_wrong_is_one_line(capsys):
    tell_findings([], {"postgres": []})
    assert capsys.readouterr().out == "✓ Nothing is wrong.\n"


def test_the_worst_comes_first_and_says_what_to_do(capsys):
    tell_findings(
        by_severity(
            [notice("c", "C", "c.", "Do c."), warning("b", "B", "b.", "Do b."), critical("a", "A [x]", "a.", "Do a.")]
        ),
        {},
    )
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == ["✕ critical: A [x]", "  a.", "  → Do a."]
    assert lines[3] == "! warning: B"
    assert lines[6] == "· notice: C"


def test_the_checklist_ends_with_its_counts(capsys):
    tell_checks([passed("a", "A", "a."), failed("b", "B", "b.", "Do b."), unknown("c", "C", "c.", "")])
    assert capsys.readouterr().out.rstrip().endswith("1 passed, 1 failed, 1 not known.")


@pytest.mark.parametrize(("severity", "code"), [("critical", 1), ("warning", 3), ("notice", 0)])
def test_the_exit_code_says_how_bad_it_is(severity, code):
    assert EXIT_CODES[Severity(severity)] == code
