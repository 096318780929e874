"""The outage drill, short: it runs, keeps the promise, and writes what it found."""

import subprocess
import sys

import pytest
from tests.support.serving import ROOT


@pytest.fixture(scope="module")
def drilled(tmp_path_factory):
    """A drill of 6 s with one worker each; where it wrote to, and what it said."""
    into = tmp_path_factory.mktemp("drill")
    command = [sys.executable, "-m", "drill", "--seconds", "6", "--rate", "15", "--workers", "1", "--into", str(into)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    return done, into


def test_a_drill_answers_everybody_in_time_and_signs_every_returning_person_in(drilled):
    done, _ = drilled
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "BROKEN" not in done.stdout
    assert "answered within 8 s" in done.stdout
    assert "every one of" in done.stdout


def test_a_drill_writes_a_page_and_its_picture(drilled):
    _, into = drilled
    text = (into / "explanation/outage-drill.md").read_text(encoding="utf-8")
    drawn = (into / "images/outage-drill.svg").read_text(encoding="utf-8")
    assert "(../images/outage-drill.svg)" in text
    assert "{" not in text
    assert "nan" not in text
    assert len(drawn.encode()) <= 60_000
