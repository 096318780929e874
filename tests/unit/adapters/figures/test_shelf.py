"""Processes show the same figures whichever is asked; one that dies leaves its counts, once."""

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from tests.support.manual_clock import ManualClock

from gatewayz_auth.adapters.figures import shelf as module
from gatewayz_auth.adapters.figures.figures import Figures
from gatewayz_auth.adapters.figures.merging import totals
from gatewayz_auth.adapters.figures.shelf import Shelf


def counting(number):
    figures = Figures(ManualClock())
    figures.count("query_timeouts_total", "postgres", "sign_in", by=number)
    return figures.snapshot()


def shelf(folder, pid, run="web-1"):
    opened = Shelf(folder, run, pid=pid, started_ms=1)
    opened.open(0.0)
    return opened


def count(of):
    living, retired, ended = of.read()
    return totals(living, retired, ended, 0.0).number("query_timeouts_total")


def test_whoever_is_asked_tells_the_same(tmp_path):
    one, two = shelf(tmp_path, 1), shelf(tmp_path, 2)
    one.lay_down(counting(3))
    two.lay_down(counting(4))
    assert count(one) == count(two) == 7


def test_an_ended_process_leaves_its_counts_once(tmp_path):
    one, two = shelf(tmp_path, 1), shelf(tmp_path, 2)
    one.lay_down(counting(3))
    two.lay_down(counting(4))
    two.close()
    assert one.fold() == 1
    assert one.fold() == 0
    assert count(one) == 7
    assert one.read()[2] == 1


@pytest.mark.parametrize("at", ["unlink", "_write"])
def test_a_fold_that_is_interrupted_anywhere_loses_and_doubles_nothing(tmp_path, monkeypatch, at):
    one, two = shelf(tmp_path, 1), shelf(tmp_path, 2)
    one.lay_down(counting(3))
    two.lay_down(counting(4))
    two.close()

    def fail(*_, **__):
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(*((Path, "unlink", fail) if at == "unlink" else (module, "_write", fail)))
        with pytest.raises(OSError, match="full"):
            one.fold()
        assert count(one) == 7
    one.fold()
    one.fold()
    assert count(one) == 7


def test_a_reader_who_saw_the_file_before_it_was_folded_in_counts_it_once(tmp_path, monkeypatch):
    one, two = shelf(tmp_path, 1), shelf(tmp_path, 2)
    two.lay_down(counting(4))
    two.close()
    retired = one._retired

    def fold_between():
        monkeypatch.setattr(one, "_retired", retired)
        one.fold()
        return retired()

    monkeypatch.setattr(one, "_retired", fold_between)
    assert count(one) == 4


def _die(folder):
    mine = Shelf(folder, "web-1", pid=os.getpid(), started_ms=1)
    mine.open(0.0)
    mine.lay_down(counting(5))
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_noticed_by_its_lock(tmp_path):
    one = shelf(tmp_path, 1)
    dying = multiprocessing.get_context("spawn").Process(target=_die, args=(tmp_path,))
    dying.start()
    dying.join(30)
    assert dying.exitcode == -signal.SIGKILL
    assert one.fold() == 1
    assert count(one) == 5


def test_a_file_that_is_cut_short_or_of_another_version_is_nobody(tmp_path):
    one = shelf(tmp_path, 1)
    one.lay_down(counting(3))
    (tmp_path / "web-1" / "7-7.json").write_text('{"format":1,"numb')
    (tmp_path / "web-1" / "8-8.json").write_text(json.dumps({"format": 99, "numbers": {}}))
    assert count(one) == 3


def test_what_earlier_runs_left_is_cleared_away_but_no_run_that_lives(tmp_path):
    living = shelf(tmp_path, 1, run="web-living")
    shelf(tmp_path, 2, run="web-dead").close()
    for run in tmp_path.iterdir():
        os.utime(run, (0, 0))
    newer = Shelf(tmp_path, "web-new", pid=3, started_ms=1)
    newer.open(10_000.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web-living", "web-new"]
    living.close()
    newer.close()
