"""A storm of lines is cut short and said; a sink that blocks or is full holds nobody up."""

import json
import logging
import os
import threading

import pytest
import structlog

from gatewayz_auth.adapters import logs
from gatewayz_auth.adapters.line_writer import MAX_WAITING_LINES, LineWriter
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.storm import A_SECOND


@pytest.fixture
def running(tmp_path, monkeypatch):
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    running = logs.configure("INFO", "json", str(tmp_path / "app.log"))
    yield running, tmp_path / "app.log"
    running.writer.close()
    if running.writer._file is not None:
        running.writer._file.close()
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()


def written(running):
    log, file = running
    log.writer.close()
    return [json.loads(line)["message"] for line in file.read_text().splitlines()]


def test_a_storm_of_lines_is_cut_short_and_other_lines_are_not(running):
    log = structlog.get_logger()
    for number in range(5 * A_SECOND):
        log.warning("Privy ID lookup timed out: timeout exceeded 5s", turn=number)
    log.info("Something else entirely happened")
    lines = written(running)
    assert len(lines) == A_SECOND + 1
    assert running[0].storms.settle() == {"Privy ID lookup timed": 4 * A_SECOND}


def test_a_storm_of_a_library_is_cut_short_too(running):
    library = logging.getLogger("a.library")  # ours may be silenced
    for number in range(5 * A_SECOND):
        library.warning("error connecting in %r: %s", "pool", number)
    assert len(written(running)) == A_SECOND


def test_a_sink_that_nobody_reads_holds_nobody_up_and_what_was_lost_is_said(tmp_path):
    clock = SystemClock()
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as stream, os.fdopen(reader, "rb") as pipe:
        lines = LineWriter(stream)
        lines.start()
        began_s = clock.monotonic_s()
        for _ in range(3 * MAX_WAITING_LINES):
            lines.write(b"x" * 100)
        assert clock.monotonic_s() - began_s < 1.0
        read = []
        reading = threading.Thread(target=lambda: read.extend(iter(lambda: pipe.read1(1 << 16), b"")), daemon=True)
        reading.start()
        lines.close(10.0)
        stream.close()
        reading.join(10)
    assert b"Log lines dropped: " in b"".join(read)


def test_a_full_disk_loses_lines_and_nothing_else_and_counts_them(tmp_path):
    full = LineWriter(None, tmp_path / "there" / "app.log")
    (tmp_path / "there").write_text("a file where the folder should be")
    full.start()
    full.write(b"a line")
    full.close()
    assert full.lost == 1
