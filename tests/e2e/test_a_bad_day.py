"""docs/tutorial/a-bad-day.md: its lines are typed into a shell in their order, and say what the page shows."""

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.support.fenced_blocks import ROOT, blocks
from tests.support.serving import CLOCK, SETTINGS_OF_THE_MACHINE, Serving, free_port

from gatewayz_auth.service.load_report import MOST_IN_VAIN

PAGE = ROOT / "docs/tutorial/a-bad-day.md"
PROMPT = "$ "
LEFT_OUT = "…"
LIMIT_S = 20.0
"""For one line of the page; the longest is a load of eight seconds."""

_SAID = "--said--"
_VARIES = re.compile(r"(?<==)\d+|(?<=retry-after: )\d+|\d[\d.]*(?= (?:s|ms|were|of \d))")
"""Lengths and how many came; never shares, answers' codes, versions, or how many came in vain where none did."""

_LATE = re.compile(r"\? unknown: This machine was late itself: .*\n(?=.* came in .*: (?P<answers>.+))")
_AS_IT_SHOULD_BE = {"cache", "database", "last-known-good", "refused"}  # refused are the forged ones alone


def lines_of(page):
    """What is to be typed, each with what it is shown to say."""
    typed = []
    for block in blocks(page):
        for line in block.text.splitlines() if block.kind == "text" else ():
            if line.startswith(PROMPT):
                typed.append((line.removeprefix(PROMPT), []))
            else:
                typed[-1][1].append(line)
    return typed


def pattern(shown):
    """What output has to look like that is shown as ``shown``: lengths vary, and so does what is left out."""
    return re.compile(".*".join(re.escape(plain(part)) for part in "\n".join(shown).split(LEFT_OUT)))


def plain(text):
    """``text`` with all that varies the same, however it is broken into lines."""
    return " ".join(_VARIES.sub("0", text).split())


def in_time(said):
    """What a load that said ``said`` would have said on a machine that was not late itself: how all were answered."""

    def judged(found):
        counts = {what: int(count) for count, what in (one.split(" ", 1) for one in found["answers"].split(", "))}
        came = sum(counts.values())
        in_vain = sum(count for what, count in counts.items() if what not in _AS_IT_SHOULD_BE)
        if in_vain <= MOST_IN_VAIN * came:
            return f"✓ passed: All {came} were answered within 0 s, {in_vain} of them in vain.\n"
        return f"✕ failed: {in_vain} of {came} were not signed in: the service was asked for too much.\n"

    return _LATE.sub(judged, said)


class Terminal:
    """A bash that is typed into line by line, as the page's reader does it."""

    def __init__(self, folder):
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_THE_MACHINE}
        path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"
        self._bash = subprocess.Popen(
            ["bash", "--norc"], cwd=folder, env={**inherited, "PATH": path}, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._bash.stdout:
            self._lines.put(line)

    def type(self, line):
        """What ``line`` said."""
        self._bash.stdin.write(f"{line}\necho; echo {_SAID}\n")
        said = ""
        while not said.endswith(f"\n{_SAID}\n"):
            try:
                said += self._lines.get(timeout=LIMIT_S)
            except queue.Empty:
                pytest.fail(f"{line} has not ended and said: {said}")
        return said.removesuffix(f"\n{_SAID}\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        self._reader.join(5)
        self._bash.stdin.close()
        self._bash.stdout.close()


@contextlib.contextmanager
def thawed_in_the_end(serving):
    """Nothing below ``serving`` is left frozen, wherever the walk breaks off: what is frozen cannot end."""
    try:
        yield
    finally:
        for pid in serving.pids():
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def folder(tmp_path):
    """A clone, as far as the page looks."""
    for name in ("src", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.timeout(240)
def test_a_bad_day_goes_as_the_page_tells_it(folder):
    other_port, took = free_port(), []
    with Serving(folder) as serving, thawed_in_the_end(serving), Terminal(folder) as terminal:
        serving.ready()
        for line, shown in lines_of(PAGE):
            here = line.replace("8000", str(serving.port)).replace("8001", str(other_port))
            began_s = CLOCK.monotonic_s()
            said = terminal.type(here)
            took.append(f"{CLOCK.monotonic_s() - began_s:6.1f} s  {line}")
            assert pattern(shown).fullmatch(plain(in_time(said))), f"{PAGE.name}: {line}\n{said}\n" + "\n".join(took)
    (folder / "took").write_text("\n".join(took))
    log = (folder / "logs" / "app.log").read_text()
    assert '"Changed while running: "' not in log
    assert "people are no longer counted by cohort" in log
