"""A loop that stands still is noticed from a thread; one that turns, or a process that was stopped, is left alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

from gatewayz_auth.reliability.facts import LoopBlocked
from gatewayz_auth.reliability.loop_watchdog import EXIT_CODE, LoopWatchdog


def test_a_blocked_loop_is_ended_and_told():
    facts, ended = [], threading.Event()

    async def main():
        watchdog = LoopWatchdog(asyncio.get_running_loop(), facts.append, limit_s=0.2, end=ended.set)
        watchdog.start()
        await asyncio.sleep(0.05)
        assert ended.wait(5)  # holds the loop, as a bug would
        watchdog.stop()

    asyncio.run(main())
    assert [type(fact) for fact in facts] == [LoopBlocked]
    assert facts[0].blocked_s >= 0.2


def test_an_observer_that_breaks_does_not_save_a_blocked_process(monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _args: None)

    def breaks(_fact):
        raise ValueError

    async def main():
        LoopWatchdog(asyncio.get_running_loop(), breaks, limit_s=0.2, end=ended.set).start()
        await asyncio.sleep(0.05)
        assert ended.wait(5)

    asyncio.run(main())


def test_a_loop_that_turns_is_left_alone_and_the_thread_ends_with_it():
    ended = threading.Event()

    async def main():
        watchdog = LoopWatchdog(asyncio.get_running_loop(), limit_s=0.7, end=ended.set)
        watchdog.start()
        await asyncio.sleep(1.6)  # more than twice the limit, which no pause of a busy machine reaches
        began = time.monotonic()
        watchdog.stop()
        assert time.monotonic() - began < 0.5

    asyncio.run(main())
    assert not ended.is_set()
    assert not any(thread.name == "loop-watchdog" for thread in threading.enumerate())


def test_a_loop_that_is_closed_ends_the_watch():
    loop = asyncio.new_event_loop()
    watchdog = LoopWatchdog(loop, limit_s=0.1, end=lambda: None)
    loop.close()
    watchdog.start()
    watchdog._thread.join(5)
    assert not watchdog._thread.is_alive()


def test_a_real_process_ends_with_its_own_code_and_shows_where_it_hung():
    program = (
        "import asyncio, time\n"
        "from gatewayz_auth.reliability.loop_watchdog import LoopWatchdog\n"
        "async def main():\n"
        "    LoopWatchdog(asyncio.get_running_loop(), limit_s=0.3).start()\n"
        "    await asyncio.sleep(0.05)\n"
        "    time.sleep(30)\n"
        "asyncio.run(main())\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == EXIT_CODE
    assert "in main" in done.stderr
    assert time.monotonic() - began < 10
