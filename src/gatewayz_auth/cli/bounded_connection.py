"""What a caller's connection may hold: questions ahead of their answers, and answers that nobody reads."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

UNREAD_S = 30.0
"""How long a caller may leave unread what no buffer on the way has room for; then the connection is ended."""

MAX_QUEUED = 1000
"""Questions that one connection may send ahead of their answers: each holds some 3 kB until its turn."""


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's, where whoever asks and does not read is ended after ``UNREAD_S`` or ``MAX_QUEUED`` questions.

    Whoever hears questions says so by ``queued`` where one has to wait for those before it.
    """

    _unread: asyncio.TimerHandle | None = None
    _queued: deque[RequestResponseCycle] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and tell all who answer or were to: uvicorn tells the one that was asked last."""
        self._tell_queued()
        super().connection_lost(exc)
        self._stop_waiting()

    def pause_writing(self) -> None:
        """Wait for the caller to read, though not for ever."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_S, self._give_up)

    def resume_writing(self) -> None:
        """Go on: they have read."""
        super().resume_writing()
        self._stop_waiting()

    def queued(self, before: RequestResponseCycle) -> None:
        """Hear that a question waits for its turn, asked after ``before``."""
        if self.transport.is_closing():
            self.pipeline.clear()  # the rest of what was read at once
            return
        if self._queued is None:
            self._queued = deque()
        self._queued.append(before)
        while self._queued and self._queued[0].response_complete:
            self._queued.popleft()
        if len(self.pipeline) > MAX_QUEUED:
            self._give_up()

    def _give_up(self) -> None:
        self._tell_queued()
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.abort()

    def _tell_queued(self) -> None:
        for cycle in self._queued or ():
            cycle.disconnected = True
            cycle.message_event.set()
        self._queued = None

    def _stop_waiting(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
