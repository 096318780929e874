"""Long work says on a terminal what it does and for how long, leaves nothing of that, and says nothing elsewhere."""

import io
import json
import os
import pty
import re
import sys
import termios

import psycopg
import pytest
from tests.support.examined import REQUIRED
from tests.support.serving import SETTINGS_OF_THE_MACHINE
from tests.support.withheld import Withheld

from gatewayz_auth.cli.main import main
from gatewayz_auth.cli.waiting import Waiting
from gatewayz_auth.reliability.clock import SystemClock

ADA = "INSERT INTO users (privy_user_id, username, region) VALUES ('did:privy:ada', 'ada', 'default')"
LONG = [
    (["doctor"], "Examining (0 s)"),
    (["preflight"], "Checking (0 s)"),
    (["migrate"], "Migrating (0 s)"),
    (["referrals", "sync"], "Working referrals off (0 s)"),
    (["referrals", "retry"], "Having failed referrals tried again (0 s)"),
    (["users", "export", "ada"], "Collecting everything that is kept (0 s)"),
]


class Terminal:
    """A terminal's other end: what was written to it."""

    def __init__(self):
        self._ours, self._theirs = pty.openpty()
        termios.tcsetwinsize(self._theirs, (24, 200))
        self.stream = os.fdopen(self._theirs, "w", encoding="utf-8")

    def shown(self):
        """All that was written; to be asked once, at the end."""
        self.stream.write("\n")
        self.stream.close()
        shown = b""
        try:
            while chunk := os.read(self._ours, 65536):
                shown += chunk
        except OSError:  # how Linux says that nobody has it open any more
            pass
        finally:
            os.close(self._ours)
        return shown.decode()


@pytest.fixture
def here(database_url, redis_url, tmp_path, monkeypatch):
    """An operator's folder, beside a database that ada is in."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(ADA)
    for name in SETTINGS_OF_THE_MACHINE:
        monkeypatch.delenv(name, raising=False)
    for name, value in (REQUIRED | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def last_line(shown):
    """What a terminal shows in the end on the line that was written over and over."""
    line = ""
    for part in shown.split("\n")[0].rstrip("\r").split("\r"):
        line = part + line[len(part) :]
    return line.strip()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("words", "told"), LONG)
def test_long_work_tells_what_it_does_on_a_terminal_and_leaves_nothing_of_it(words, told, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    main(words)
    shown = terminal.shown()
    assert told in shown
    assert last_line(shown) == ""
    assert told not in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_an_erasure_counts_the_seconds_that_it_waits_for_every_process(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    withheld = Withheld()
    assert main(["users", "erase", "ada", "--yes"]) == 0
    told = re.findall(r"Erasing from tables, caches and logs \((\d+) s\)", terminal.shown())
    left_out = set(range(4)) - set(map(int, told))
    assert len(left_out) <= withheld.seconds / 0.7, "each second is told, but for those in which nothing could be"
    assert int(told[-1]) >= 3
    assert "A search for the old names found nothing" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("words", [["doctor"], ["migrate"], ["referrals", "sync"], ["users", "export", "ada"]])
def test_with_json_nothing_is_told_on_a_terminal_either(words, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    main([*words, "--json"])
    assert terminal.shown().strip() == ""
    assert json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("here")
def test_nothing_is_told_where_standard_error_is_piped(capsys):
    main(["migrate"])
    assert capsys.readouterr().err == ""


def test_a_line_fits_the_terminal_and_work_goes_on_where_that_has_gone(monkeypatch):
    class Gone(io.StringIO):
        def isatty(self):
            return True

        def write(self, text):
            lines.append(text)
            raise OSError(5, "Input/output error")

    lines = []
    monkeypatch.setattr(sys, "stderr", Gone())
    with Waiting("x" * 100, SystemClock(), as_json=False):
        pass
    assert lines
    assert all(len(line.strip("\r")) < 80 for line in lines)
