"""Nothing wrong is one line; the rest is wrapped, and without colour where it is piped."""

import pytest

from gatewayz_auth.adapters.reach import Reach, Step
from gatewayz_auth.cli.doctor import EXIT_CODES
from gatewayz_auth.cli.report import tell_checks, tell_findings
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.service.findings import Severity, by_severity, critical, failed, notice, passed, unknown, warning


def way_to_postgres():
    steps = [Step("name", 0.0012), Step("tcp", 0.002), Step("tls", 0.0088), Step("login", 0.014)]
    return Reach(
        "postgres", SystemClock(), Abandoned(), steps=steps, version="17.5 [x]", uptime_s=3 * 86400, trip_s=0.0004
    )


def test_nothing_wrong_is_one_line_and_below_it_each_neighbour_with_version_uptime_latency_and_steps(capsys):
    tell_findings([], {"postgres": way_to_postgres(), "key server": Reach("key server", SystemClock(), Abandoned())})
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == ["✓ Nothing is wrong.", ""]
    assert lines[2].split() == ["version", "up", "round", "trip", "steps,", "in", "ms"]
    assert lines[3].split(maxsplit=1) == [
        "postgres", "17.5 [x]  3 days  0.4 ms      name 1.2, tcp 2.0, tls 8.8, login 14"
    ]  # fmt: skip
    assert lines[4].split() == ["key", "server", "-", "-", "-", "-"]


def test_nothing_wrong_and_nobody_reached_is_one_line(capsys):
    tell_findings([], {})
    assert capsys.readouterr().out == "✓ Nothing is wrong.\n"


def test_notices_alone_are_nothing_wrong(capsys):
    tell_findings([notice("a", "A", "a.", "Do a.")], {})
    assert capsys.readouterr().out.startswith("✓ Nothing is wrong. Worth knowing:\n· notice: A\n")


def test_a_step_that_was_not_taken_says_why_in_the_table_and_as_json(capsys):
    reach = way_to_postgres()
    reach.steps[-1] = Step("login", 2.0, "no answer in 2 s")
    tell_findings([critical("a", "A", "a.", "Do a.")], {"postgres": reach})
    assert "login no answer in 2 s" in " ".join(capsys.readouterr().out.split())
    told = reach.as_dict()
    assert told["steps"][-1] == {"name": "login", "took_ms": 2000.0, "problem": "no answer in 2 s"}
    assert (told["version"], told["uptime_s"], told["latency_ms"]) == ("17.5 [x]", 259200, 0.4)


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
