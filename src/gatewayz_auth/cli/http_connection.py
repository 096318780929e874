"""A caller's connection: it sends a whole answer in one step, and ends without losing a question on its way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gatewayz_auth.cli.served_app import DEV, is_ending
from gatewayz_auth.web.whole_answer import EXTENSION, head_lines

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Scope

LINGER_S = 1.0
"""How long an idle connection stays open once the service was asked to end.

The next answer on it says ``Connection: close``, so that its caller goes elsewhere of their own accord. Closed at
once, it would lose what the caller is sending at that moment; who is silent for longer notices the end before asking.
"""


class HttpConnection(HttpToolsProtocol):
    """uvicorn's, with a short way for whole answers (``web.whole_answer``) and an end that loses no question.

    At the end idle callers may ask once more, and are told to come on another connection.
    """

    _is_ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; one that was accepted just before the end is told so like the others."""
        super().connection_made(transport)
        self._extensions = {EXTENSION: {"send": self.send_whole}}
        if is_ending():
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and let go of what points back here: the collector need not come by for it."""
        super().connection_lost(exc)
        self._extensions = {}

    def on_message_begin(self) -> None:
        """Begin a question, and offer the short way of answering it."""
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]

    def send_whole(self, scope: Scope, head: bytes, body: bytes) -> bool:
        """Send a 200 in one write: what uvicorn does in two messages, without looking at headers that are our own.

        False, and nothing was done, where that is not all there is to it: the question is not the one under way, its
        caller is gone, slow to read or goes after this answer, or an answer has begun.
        """
        cycle = self.cycle
        if (
            cycle.scope is not scope
            or cycle.response_started
            or cycle.disconnected
            or not cycle.keep_alive
            or self.flow.write_paused
            or self.access_log
        ):
            return False
        self.transport.write(b"".join((_first_lines(self.server_state.default_headers), head, b"\r\n", body)))
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        self.on_response_complete()
        return True

    def on_headers_complete(self) -> None:
        """Begin to answer; at the end that is the last answer here."""
        super().on_headers_complete()
        if self._is_ending and self.cycle is not None:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """End after the answer under way, after the next one, or when nobody has asked for ``LINGER_S``."""
        if not self._is_idle() or os.environ.get(DEV):  # nobody hands over a service of development
            super().shutdown()
        elif not self._is_ending:
            self.loop.call_later(LINGER_S, self._close_where_idle)
        self._is_ending = True

    def _close_where_idle(self) -> None:
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete


class _FirstLines:
    """The status and the server's own headers as bytes, made anew when uvicorn makes its list anew: once a second."""

    def __init__(self) -> None:
        self._headers: object = None
        self._lines = b""

    def __call__(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._headers:
            self._lines = STATUS_LINE[200] + head_lines(headers)
            self._headers = headers
        return self._lines


_first_lines = _FirstLines()
