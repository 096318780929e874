"""Keeps what there is to see: lays this process' figures down every second and merges those of all."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.figures.chronicle import Chronicle, frame_between
from gatewayz_auth.adapters.figures.merging import totals
from gatewayz_auth.service.history import History
from gatewayz_auth.service.overview import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gatewayz_auth.adapters.figures.figures import Figures
    from gatewayz_auth.adapters.figures.merging import Snapshot
    from gatewayz_auth.adapters.figures.shelf import Shelf
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.history import Frame
    from gatewayz_auth.service.overview import Event, Problem

EVERY_S = 1.0
FOLD_EVERY = 2
"""Seconds between looks for processes that have ended."""

RECENT_S = 86400.0
SAME_WITHIN_S = 2.0
"""Processes notice the same within so many seconds of each other: one event."""

_NOBODY: Snapshot = {}


class Keeper:
    """``overview.Sight`` of the whole service.

    ``tick`` is called once a second on the loop and costs some hundred microseconds there; files are written and read
    in a thread of its own, which a slow disk may hold up and a request never. Where the folder is of no use, what there
    is to see is this process alone.
    """

    def __init__(
        self, figures: Figures, shelf: Shelf, chronicle: Path, clock: Clock, trouble: Callable[[str], None]
    ) -> None:
        """Read nothing yet; ``trouble`` hears once where the folder is of no use."""
        self._figures = figures
        self._shelf = shelf
        self._clock = clock
        self._trouble = trouble
        self._history = History()
        self._chronicle = Chronicle(chronicle, self._history)
        self._lock = threading.Lock()
        self._wanted = threading.Condition()
        self._next: Snapshot | None = None
        self._is_closing = False
        self._is_in_trouble = False
        self._thread: threading.Thread | None = None
        self._turns = 0
        self._told: deque[Event] = deque(maxlen=1000)
        self._before: Totals | None = None
        self._totals = Totals(clock.utc_now_s(), 1, {}, {})

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="figures", daemon=True)
        self._thread.start()

    def tick(self) -> None:
        """Hand this second's figures to the thread; where it still has the last ones, these take their place."""
        snapshot = self._figures.snapshot(ends_second=True)
        with self._wanted:
            self._next = snapshot
            self._wanted.notify()

    def close(self, limit_s: float = 1.0) -> None:
        """Lay the last figures down, for at most ``limit_s`` seconds, and let go."""
        if self._thread is None:
            return
        self.tick()
        with self._wanted:
            self._is_closing = True
            self._wanted.notify()
        self._thread.join(limit_s)

    def fresh_totals(self, snapshot: Snapshot) -> Totals:
        """The totals with ``snapshot`` as the figures of this process; waits for the disk: for a thread.

        It is laid down first: whoever is asked next, in whatever process, does not count back.
        """
        try:
            with self._lock:
                if self._shelf.is_open:
                    self._shelf.lay_down(snapshot)
                return self._merged(snapshot)
        except OSError:
            return totals([snapshot], _NOBODY, 0, snapshot["at_s"])

    def totals(self) -> Totals:
        """The figures of all processes as they were within the last two seconds."""
        return self._totals

    def frames(self, window_s: int) -> Sequence[Frame]:
        """The last ``window_s`` seconds, oldest first."""
        return self._history.frames(window_s, self._clock.utc_now_s())

    def events(self, window_s: int) -> Sequence[Event]:
        """What happened within the last ``window_s`` seconds, oldest first."""
        return self._history.events(self._clock.utc_now_s() - window_s)

    def problems(self) -> Sequence[Problem]:
        """The last sign-ins that were not answered for our own reasons, newest first."""
        return self._totals.problems

    def _run(self) -> None:
        while True:
            with self._wanted:
                while self._next is None and not self._is_closing:
                    self._wanted.wait()
                snapshot, self._next = self._next, None
            if snapshot is None:
                break
            self._turn(snapshot)
        self._chronicle.close()
        self._shelf.close()

    def _turn(self, snapshot: Snapshot) -> None:
        try:
            with self._lock:
                self._with_others(snapshot)
        except OSError as error:
            self._alone(snapshot)
            if not self._is_in_trouble:
                self._trouble(type(error).__name__)
            self._is_in_trouble = True
        else:
            self._is_in_trouble = False

    def _with_others(self, snapshot: Snapshot) -> None:
        if not self._shelf.is_open:
            self._shelf.open(self._clock.utc_now_s())
        self._shelf.lay_down(snapshot)
        self._turns += 1
        if self._turns % FOLD_EVERY == 1:
            self._shelf.fold()
        now = self._merged(snapshot)
        self._totals = now
        if not self._chronicle.try_to_write():
            self._chronicle.follow()
            self._before = None
            return
        frame, events = self._second(now)
        if frame is not None:
            self._chronicle.add(frame, events)

    def _alone(self, snapshot: Snapshot) -> None:
        self._totals = totals([snapshot], _NOBODY, 0, snapshot["at_s"])
        frame, events = self._second(self._totals)
        if frame is not None:
            self._history.add(frame)
        for event in events:
            self._history.happened(event)

    def _second(self, now: Totals) -> tuple[Frame | None, list[Event]]:
        before, self._before = self._before, now
        if before is None:
            return None, []
        known = [*self._told, *self._history.events(now.at_s - RECENT_S)]
        events: list[Event] = []
        for event in now.events:
            if not any(_is_same(event, other) for other in known):
                events.append(event)
                known.append(event)
        self._told.extend(events)
        return frame_between(before, now, int(now.at_s)), events

    def _merged(self, snapshot: Snapshot) -> Totals:
        if not self._shelf.is_open:
            return totals([snapshot], _NOBODY, 0, snapshot["at_s"])
        living, retired, ended = self._shelf.read()
        return totals(living, retired, ended, self._clock.utc_now_s())


def _is_same(event: Event, other: Event) -> bool:
    return (
        abs(event.at_s - other.at_s) < SAME_WITHIN_S
        and event.kind == other.kind
        and event.text.partition(" (")[0] == other.text.partition(" (")[0]
    )
