"""Who was late: a thread that was kept from a processor is told from one that waited for somebody else."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gatewayz_auth.reliability import clock as clock_module
from gatewayz_auth.reliability.clock import SystemClock

CLOCK = SystemClock()


def in_a_thread(work):
    """What ``work`` answers in a thread of its own."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()
    thread.join()
    return answers[0]


def test_a_thread_that_was_ready_and_had_no_processor_was_busy_all_the_time():
    processor = {min(os.sched_getaffinity(0))}
    forever = f"import os\nos.sched_setaffinity(0, {processor})\nprint('on', flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", forever], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"on\n"

            def work():
                os.sched_setaffinity(0, processor)  # of this thread alone
                began_s, worked_s, busy_s = CLOCK.monotonic_s(), time.thread_time(), CLOCK.thread_busy_s()
                while time.thread_time() - worked_s < 0.1:
                    pass
                took_s = CLOCK.monotonic_s() - began_s
                return took_s, time.thread_time() - worked_s, CLOCK.thread_busy_s() - busy_s

            took_s, worked_s, busy_s = in_a_thread(work)
        finally:
            other.kill()
    assert worked_s < 0.8 * took_s  # or there was no crowd
    assert 0.9 * took_s < busy_s < 1.1 * took_s


def test_a_thread_that_waited_for_somebody_else_was_not_busy():
    def work():
        busy_s = CLOCK.thread_busy_s()
        threading.Event().wait(0.1)
        return CLOCK.thread_busy_s() - busy_s

    assert in_a_thread(work) < 0.05


def test_where_the_kernel_keeps_nothing_a_thread_was_busy_while_it_worked(monkeypatch, tmp_path):
    monkeypatch.setattr(clock_module, "SCHEDSTAT", str(tmp_path / "none"))
    assert SystemClock().thread_busy_s() == pytest.approx(time.thread_time(), abs=0.05)


def test_nothing_is_left_open_by_threads_that_have_ended():
    def open_files():
        return len(list(Path("/proc/self/fd").iterdir()))

    CLOCK.thread_busy_s()
    before = open_files()
    for _ in range(20):
        in_a_thread(CLOCK.thread_busy_s)
    assert open_files() <= before + 2
