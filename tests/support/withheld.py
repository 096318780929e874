"""Time in which a process could have run and was not let, which no promise of seconds can be held to."""

import contextlib
import os
import time
from pathlib import Path


class Withheld:
    """The seconds for which this process and ``pids`` have stood in line for a processor since this was made.

    Next to nothing where the machine has room; 0 where it does not tell. Threads that wait together count each.
    """

    def __init__(self, *pids):
        self._pids = (os.getpid(), *pids)
        self._before_s = self._each_s()

    def _each_s(self):
        waited_s = {}
        for pid in self._pids:
            for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with contextlib.suppress(OSError):  # a thread that has ended meanwhile
                    waited_s[path] = int(path.read_text().split()[1]) / 1e9
        return waited_s

    @property
    def seconds(self):
        return sum(waited_s - self._before_s.get(path, 0.0) for path, waited_s in self._each_s().items())


class Stopwatch:
    """The seconds since this was made, without those that were withheld from this process and from ``pids``."""

    def __init__(self, *pids):
        self._withheld = Withheld(*pids)
        self._began_s = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self._began_s - self._withheld.seconds
