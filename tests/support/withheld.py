"""Time in which a process could have run and was not let, which no promise of seconds can be held to."""

import contextlib
import os
import time
from pathlib import Path

MOST = 0.75


class Withheld:
    """The seconds for which this process and ``pids`` have stood in line for a processor since this was made.

    Of each process those of the thread that waited longest: others wait beside it. Next to nothing where the machine
    has room; 0 where it does not tell.
    """

    def __init__(self, *pids):
        self._pids = (os.getpid(), *pids)
        self._before_s = {pid: _each_s(pid) for pid in self._pids}

    @property
    def seconds(self):
        return sum(self._longest_s(pid) for pid in self._pids)

    def _longest_s(self, pid):
        before_s = self._before_s[pid]
        return max((waited_s - before_s.get(thread, 0.0) for thread, waited_s in _each_s(pid).items()), default=0.0)


def _each_s(pid):
    """What each thread of ``pid`` has waited ever."""
    waited_s = {}
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            waited_s[path] = int(path.read_text().split()[1]) / 1e9
    return waited_s


class Stopwatch:
    """The seconds since this was made, without those that were withheld from this process and from ``pids``.

    Processes that wait beside each other count each; so three quarters of the time are taken off at most.
    """

    def __init__(self, *pids):
        self._withheld = Withheld(*pids)
        self._began_s = time.monotonic()

    @property
    def seconds(self):
        by_the_clock_s = time.monotonic() - self._began_s
        return by_the_clock_s - min(self._withheld.seconds, MOST * by_the_clock_s)
