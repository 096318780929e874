"""All processes show one history, which outlives each of them; a disk that is of no use leaves each its own."""

import pytest
from tests.support.manual_clock import ManualClock

from gatewayz_auth.adapters.figures.figures import Figures
from gatewayz_auth.adapters.figures.keeper import Keeper
from gatewayz_auth.adapters.figures.shelf import Shelf
from gatewayz_auth.service.sign_in_report import SignInReport

REPORT = SignInReport("id-1", 200, "ok", "cache", "ok", None, 0.004, (("parse", 0.001),))


class Process:
    """One process of the service, its seconds turned by hand."""

    def __init__(self, folder, clock, number):
        self.figures = Figures(clock)
        self.troubles = []
        shelf = Shelf(folder / "figures", "web-1", pid=number, started_ms=1)
        self.keeper = Keeper(self.figures, shelf, folder / "history.jsonl", clock, self.troubles.append)

    def turn(self):
        self.keeper._turn(self.figures.snapshot(ends_second=True))

    def end(self):
        self.keeper._chronicle.close()
        self.keeper._shelf.close()

    def told(self):
        return [(frame.at_s, frame.sign_ins) for frame in self.keeper.frames(900)]


@pytest.fixture
def clock():
    return ManualClock(utc_s=1_795_000_000.05)


def second(clock, *processes):
    clock.advance(1.0)
    for process in processes:
        process.figures.answered(REPORT)
        process.turn()


def test_all_processes_show_one_history_and_a_new_one_has_it_too(tmp_path, clock):
    one, two = Process(tmp_path, clock, 1), Process(tmp_path, clock, 2)
    for _ in range(5):
        second(clock, one, two)
    second(clock, one, two)
    assert one.told() == two.told()
    assert len(one.told()) == 5
    one.end()
    for _ in range(3):
        second(clock, two)
    three = Process(tmp_path, clock, 3)
    three.turn()
    assert three.told() == two.told()
    assert sum(count for _, count in two.told()) >= 12
    assert three.keeper.totals().number("processes_ended_total") == 1
    for process in (two, three):
        process.end()


def test_an_event_that_several_processes_notice_is_told_once(tmp_path, clock):
    one, two = Process(tmp_path, clock, 1), Process(tmp_path, clock, 2)
    second(clock, one, two)
    for process in (one, two):
        process.figures.happened("breaker", f"postgres: closed -> open (seen by {id(process)})")
    for _ in range(3):
        second(clock, one, two)
    assert len([event for event in two.keeper.events(60) if event.kind == "breaker"]) == 1
    for process in (one, two):
        process.end()


def test_a_folder_of_no_use_leaves_each_process_its_own_figures_and_is_said_once(tmp_path, clock):
    (tmp_path / "figures").write_text("a file where the folder should be")
    alone = Process(tmp_path, clock, 1)
    for _ in range(4):
        second(clock, alone)
    assert len(alone.troubles) == 1
    assert [count for _, count in alone.told()] == [1, 1, 1]
    histograms = alone.keeper.fresh_totals(alone.figures.snapshot()).histograms
    assert histograms["sign_in_duration_seconds"]["ok", "cache"].count == 4


def test_a_history_that_was_cut_short_by_a_full_disk_is_read_as_far_as_it_goes(tmp_path, clock):
    one = Process(tmp_path, clock, 1)
    for _ in range(4):
        second(clock, one)
    told = one.told()
    one.end()
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(b'{"at_s": 17950\n[1]\n{"at_s": "x"}\n')
    two = Process(tmp_path, clock, 2)
    two.turn()
    assert two.told() == told
    two.end()
