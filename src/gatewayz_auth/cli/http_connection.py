"""A caller's connection: it sends a whole answer in one step, and ends without losing a question on its way."""

from __future__ import annotations

import functools
import os
import re
from typing import TYPE_CHECKING

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gatewayz_auth.cli.bounded_connection import BoundedConnection
from gatewayz_auth.cli.served_app import DEV, is_ending
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.web import problems
from gatewayz_auth.web.request_ids import RequestIds
from gatewayz_auth.web.whole_answer import EXTENSION, head_lines

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Scope

LINGER_S = 1.0
"""How long an idle connection stays open once the service was asked to end.

The next answer on it says ``Connection: close``, so that its caller goes elsewhere of their own accord. Closed at
once, it would lose what the caller is sending at that moment; who is silent for longer notices the end before asking.
"""

HEAD_LIMIT_S = 5.0
"""How long the head of a question may take to arrive; its body is given as long after that."""
HEAD_LIMIT_BYTES = 64 * 1024

_UNKNOWN_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ (?=/)")
_TRACE = b"TRACE "


class HttpConnection(BoundedConnection):
    """uvicorn's, with a short way for whole answers (``web.whole_answer``) and an end that loses no question.

    At the end idle callers may ask once more, and are told to come on another connection. A head is bounded in bytes
    and in time, what is not HTTP is refused with a problem as everything else is, and an offer of another protocol is
    passed over: the question that brings it is answered.
    """

    _is_ending = False
    _is_in_head = False
    _head_bytes = 0
    _idle_since_s = 0.0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; one that was accepted just before the end is told so like the others."""
        super().connection_made(transport)
        self._extensions = {EXTENSION: {"send": self.send_whole}}
        self._begin_idling()
        if is_ending():
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and let go of what points back here: the collector need not come by for it."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._end_head()
        self._extensions = {}

    def data_received(self, data: bytes) -> None:
        """Hear what came of questions; what has to be put another way is heard again."""
        while data and not self.transport.is_closing():
            before, was_in_head = self.cycle, self._is_in_head
            is_first = not was_in_head and (before is None or not before.more_body)
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as error:
                data = self._without_upgrade(data[error.args[0] :])
            except httptools.HttpParserError as error:
                is_method = isinstance(error, httptools.HttpParserInvalidMethodError)
                data = self._without_method(data) if is_first and is_method and self.cycle is before else b""
                if not data:
                    self._refuse("not_http")
            else:
                if self._is_in_head:
                    self._bound_head(len(data) if was_in_head and self.cycle is before else 0)
                return

    def _without_method(self, data: bytes) -> bytes:
        """The question with a method that is refused everywhere, for one that the parser does not know."""
        method = _UNKNOWN_METHOD.match(data)
        if method is None:
            return b""
        self._renew_parser()
        return _TRACE + data[method.end() :]

    def _should_upgrade(self) -> bool:
        """Whether uvicorn is to leave a question alone that offers another protocol: it is heard again without."""
        return self.parser.get_method() != b"CONNECT"

    def _without_upgrade(self, rest: bytes) -> bytes:
        """The question again, without the offer, and ``rest``, which the parser took for another protocol's."""
        if not self._should_upgrade():
            return b""  # CONNECT: it is being refused, and what follows is nothing
        version = self.parser.get_http_version().encode("ascii")
        head = [b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)]
        head += [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self._renew_parser()
        return b"".join((*head, b"\r\n", rest))

    def _renew_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _bound_head(self, more_bytes: int) -> None:
        self._head_bytes += more_bytes
        if self._head_bytes > HEAD_LIMIT_BYTES:
            self._refuse("not_http")
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_LIMIT_S, self._on_late_head)

    def _on_late_head(self) -> None:
        self._head_timer = None
        if self._is_idle():
            self._refuse("body_too_slow")
        else:  # we do not listen while we answer: its time begins afterwards
            self._bound_head(0)

    def _end_head(self) -> None:
        self._is_in_head = False
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, code: str) -> None:
        """Refuse what is no question, and hear no more; those before it are answered first."""
        self._end_head()
        if self.transport.is_closing():
            return
        if not self._is_idle() and (self.pipeline or self.cycle.response_started or not self.cycle.more_body):
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        problem = problems.PROBLEMS[code]
        name = _request_ids().next()
        body = problems.render(problem, name)
        head = [
            *self.server_state.default_headers,
            (b"content-type", problems.CONTENT_TYPE),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", name.encode("ascii")),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        self.transport.write(b"".join((STATUS_LINE[problem.status], head_lines(head), b"\r\n", body)))
        self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a question, and offer the short way of answering it."""
        HttpToolsProtocol.on_message_begin(self)
        self._is_in_head = True
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

    def on_response_complete(self) -> None:
        """Go on with the question that waits, or wait for one."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._begin_idling()

    def _begin_idling(self) -> None:
        """Keep the time. The timer stays as it is and looks when it rings: one for each answer costs a microsecond."""
        self._idle_since_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._ring_in(self.timeout_keep_alive)

    def _ring_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that has been idle for long enough."""
        self.timeout_keep_alive_task = None
        if not self._is_idle() or self._is_in_head:
            return  # it begins to idle again afterwards
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._ring_in(left_s)
        else:
            super().timeout_keep_alive_handler()

    def on_headers_complete(self) -> None:
        """Begin to answer; at the end that is the last answer here."""
        self._is_in_head = False
        if self._head_timer is not None:
            self._end_head()
        before = self.cycle
        HttpToolsProtocol.on_headers_complete(self)
        if self.pipeline and self.cycle is not before:
            self.queued(before)
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


@functools.cache
def _request_ids() -> RequestIds:
    """Of this process, for what never becomes a question."""
    return RequestIds(SystemEntropy())
