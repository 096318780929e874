"""The one hot route, ``POST /api/auth`` and ``POST /auth``: plain ASGI in front of the app for all others.

Every line here is paid by every sign-in, so there is no framework, no model, no task and one timer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gatewayz_auth.domain.errors import DeadlineExceeded, NotKnown, Refused, RequestNotUnderstood, TokenNotAccepted
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.sign_in_report import SignInReport
from gatewayz_auth.web import problems
from gatewayz_auth.web.answers import stamped
from gatewayz_auth.web.arrivals import TURN, Arrivals
from gatewayz_auth.web.body import CallerLeft, UnreadableBody, at_once, check_declared, linger, rest_of_body
from gatewayz_auth.web.cors import Cors
from gatewayz_auth.web.deadline import Watch, Watches
from gatewayz_auth.web.whole_answer import head_lines, headers_of, sent_whole
from gatewayz_auth.web.wire import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from gatewayz_auth.domain.identity import LinkedAccount
    from gatewayz_auth.domain.sign_in import Answer, SignInRequest
    from gatewayz_auth.web.parts import Parts
    from gatewayz_auth.web.problems import Header, Problem
    from gatewayz_auth.web.rate_limits import RateLimits
    from gatewayz_auth.web.request_ids import RequestIds

SIGN_IN_PATHS = frozenset(("/api/auth", "/auth"))

MAX_UNDER_WAY = 4000
"""Sign-ins of one process that may be under way at once; one more is told at once that there are too many."""

_RESERVE_S = 0.25
_RESERVE_SHARE = 0.1
_LINGER_S = 2.0
_PROBLEM = (b"content-type", problems.CONTENT_TYPE)
_NO_STORE = (b"cache-control", b"no-store")
_HEAD = (
    "content-type: application/json\r\ncontent-length: %%d\r\nx-request-id: %%s\r\nx-auth-source: %s\r\n"
    "server-timing: parse;dur=%%.2f, verify;dur=%%.2f, %s;dur=%%.2f, total;dur=%%.2f\r\ncache-control: no-store\r\n"
)
_SOURCES = {
    source: (source.value, _HEAD % (source.value, source.value), "age: %d\r\n" if source is not Source.DATABASE else "")
    for source in Source
}

_as_tuple = tuple.__new__  # what a named tuple does itself, at half the price


class _Visit(Watch):
    """One request under way: its name, its limit, its clock readings, and what is to be told of it."""

    __slots__ = (
        "client",
        "headers",
        "late",
        "outcome",
        "parsed_s",
        "request",
        "request_id",
        "started_s",
        "verified_s",
    )

    request: SignInRequest

    def __init__(self, request_id: str, started_s: float, headers: dict[bytes, bytes]) -> None:
        self.is_interrupted = False
        self.request_id = request_id
        self.started_s = started_s
        self.parsed_s = 0.0
        self.verified_s = 0.0
        self.outcome: tuple[LinkedAccount, ...] | Exception | None = None
        self.headers = headers
        self.client: tuple[str, int] | None = None
        self.late = "body_too_slow"


class SignInRoute:
    """Answers sign-ins itself and hands everything else to ``rest``.

    Every answer leaves within ``AUTH_QUERY_TIMEOUT`` of the first byte: the service is given all of it but a quarter
    of a second, and a timer stands behind the service's own guards.
    """

    def __init__(self, parts: Parts, ids: RequestIds, rest: ASGIApp) -> None:
        """Keep what every request needs."""
        self._service = parts.sign_in
        self._now_s = parts.clock.monotonic_s
        self._utc_now_s = parts.clock.utc_now_s
        self._entropy = parts.entropy
        self._report = parts.report
        self._fault = parts.fault
        self._limits: RateLimits | None = None
        self.limit(parts.limits)
        self._ids = ids
        self._rest = rest
        self._cors = Cors(parts.cors_origins) if parts.cors_origins else None
        self._watches = Watches()
        self._arrivals = Arrivals(self._service.prove_all)
        self._body_timeout_s = parts.body_timeout_s
        self.allow(parts.auth_query_timeout_s)

    def allow(self, auth_query_timeout_s: float) -> None:
        """Give each sign-in that comes from now on ``auth_query_timeout_s`` seconds."""
        reserve_s = min(_RESERVE_S, _RESERVE_SHARE * auth_query_timeout_s)
        self._budget_s = auth_query_timeout_s - reserve_s
        self._last_s = auth_query_timeout_s - reserve_s / 2
        self._body_s = min(self._body_timeout_s, self._last_s)

    def limit(self, limits: RateLimits | None) -> None:
        """Ask people to slow down by ``limits``; None, or limits that are off: nobody."""
        self._limits = limits if limits is not None and limits.is_on else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``scope`` or pass it on."""
        if scope["type"] != "http" or scope["path"] not in SIGN_IN_PATHS:
            await self._rest(scope, receive, send)
            return
        visit = _Visit(self._ids.next(), self._now_s(), dict(scope["headers"]))
        if scope["method"] != "POST":
            await self._other_method(scope["method"], visit, send)
            return
        if self._limits is not None:
            self._limits.look(scope.get("client"), visit.headers)
        watches = self._watches
        if len(watches) >= MAX_UNDER_WAY:
            await self._refuse(visit, problems.PROBLEMS["overloaded"], None, receive, send)
            return
        watches.begin(visit, self._body_s)
        try:
            check_declared(visit.headers)
            message = await receive()
            body = at_once(message)
            if body is None:
                body = await rest_of_body(message, receive)
            visit.late = "deadline_exceeded"
            visit.request = parse(body, visit.headers.get(b"authorization"), visit.headers.get(b"privy-id-token"))
            visit.parsed_s = self._now_s()
            self._arrivals.add(visit)
            await TURN
            answer = self._remembered(visit) or await self._asked(visit)
        except CallerLeft:
            watches.end(visit)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told, and answered 503: never a 500
            try:
                visit.client = scope.get("client")
                await self._turn_away(visit, error, receive, send)
            finally:
                watches.end(visit)
        else:
            watches.end(visit)
            head, body, report = self._answered(visit, answer)
            if not sent_whole(scope, head, body):
                await _send(send, 200, headers_of(head), body)
            self._report(report)

    def _remembered(self, visit: _Visit) -> Answer | None:
        """The answer for whoever has proven to be theirs, where nobody needs to be asked; no waiting from here on."""
        signed = self._arrivals.signed(visit)
        visit.verified_s = verified_s = self._now_s()
        request = visit.request
        if self._limits is not None:
            self._limits.admit(request.privy_user_id, verified_s)
        return self._service.fresh(request, signed)

    async def _asked(self, visit: _Visit) -> Answer:
        self._watches.move(visit, self._last_s - self._body_s)
        signed = self._arrivals.signed(visit)
        return await self._service.answer(visit.request, signed, self._deadline(visit))

    async def _turn_away(self, visit: _Visit, error: BaseException, receive: Receive, send: Send) -> None:
        if self._limits is not None and isinstance(error, Refused):
            error = self._limits.weigh(error, visit.client, visit.headers, self._now_s())
        if isinstance(error, (Refused, NotKnown)):
            await self._refuse(visit, problems.of_error(error), error, receive, send)
        elif isinstance(error, UnreadableBody):
            await self._refuse(visit, problems.PROBLEMS[error.code], error, receive, send)
        elif not isinstance(error, asyncio.CancelledError):
            await self._stumble(visit, error, receive, send)
        elif visit.interrupted():
            await self._refuse(visit, problems.PROBLEMS[visit.late], None, receive, send)
        elif visit.is_ended_from_outside():
            await self._refuse(visit, problems.PROBLEMS["not_known"], None, receive, send)  # else a server says 500
            raise error
        else:  # something we waited for was cancelled, not we
            await self._stumble(visit, error, receive, send)

    def _deadline(self, visit: _Visit) -> Deadline:
        deadline = Deadline(visit.started_s + self._budget_s)
        if deadline.at_s <= visit.verified_s:
            raise DeadlineExceeded("the body took the whole budget")
        return deadline

    def _answered(self, visit: _Visit, answer: Answer) -> tuple[bytes, bytes, SignInReport]:
        body = stamped(answer.rendered, self._utc_now_s())
        word, head, age = _SOURCES[answer.source]
        request_id = visit.request_id
        started_s, parsed_s, verified_s = visit.started_s, visit.parsed_s, visit.verified_s
        now_s = self._now_s()
        parse_s, verify_s, look_up_s = parsed_s - started_s, verified_s - parsed_s, now_s - verified_s
        total_s = now_s - started_s
        head %= (len(body), request_id, parse_s * 1e3, verify_s * 1e3, look_up_s * 1e3, total_s * 1e3)
        if age:
            head += age % answer.age_s
        lines = head.encode("ascii")
        if self._cors:
            lines += head_lines(self._cors.headers(visit.headers))
        phases_s = (("parse", parse_s), ("verify", verify_s), (word, look_up_s))
        user_id, privy_user_id = answer.user_id, visit.request.privy_user_id
        report = _as_tuple(
            SignInReport,
            (request_id, 200, "ok", word, "ok", None, total_s, phases_s, user_id, answer.age_s, privy_user_id),
        )
        return lines, body, report

    async def _stumble(self, visit: _Visit, error: BaseException, receive: Receive, send: Send) -> None:
        self._fault(error, visit.request_id)
        await self._refuse(visit, problems.PROBLEMS["unexpected"], error, receive, send)

    async def _refuse(
        self, visit: _Visit, problem: Problem, error: BaseException | None, receive: Receive, send: Send
    ) -> None:
        errors = error.errors if isinstance(error, RequestNotUnderstood) else ()
        body = problems.render(problem, visit.request_id, errors)
        now_s = self._now_s()
        phases = _phases(visit, now_s)
        timing = ", ".join(f"{name};dur={length_s * 1e3:.2f}" for name, length_s in phases)
        headers = [
            *self._head(visit, body),
            (b"server-timing", f"{timing}, total;dur={(now_s - visit.started_s) * 1e3:.2f}".encode("ascii")),
            *problems.headers(problem, error, self._entropy.fraction()),
        ]
        if problem.code == "body_too_large":
            await _send_over_unread(self._watches, receive, send, problem.status, headers, body)
        else:
            await _send(send, problem.status, headers, body)
        reason = error.reason if isinstance(error, TokenNotAccepted) else None
        self._report(
            SignInReport(
                visit.request_id,
                problem.status,
                problem.outcome,
                "none",
                problem.code,
                reason,
                now_s - visit.started_s,
                phases,
                privy_user_id=visit.request.privy_user_id if isinstance(visit.outcome, tuple) else None,
            )
        )

    async def _other_method(self, method: str, visit: _Visit, send: Send) -> None:
        if method == "OPTIONS" and self._cors and (allowed := self._cors.preflight(visit.headers)) is not None:
            await _send(send, 204, [(b"x-request-id", visit.request_id.encode("ascii")), *allowed], b"")
            return
        problem = problems.PROBLEMS["method_not_allowed"]
        body = problems.render(problem, visit.request_id)
        await _send(send, problem.status, [*self._head(visit, body), (b"allow", b"POST")], body)

    def _head(self, visit: _Visit, body: bytes) -> list[Header]:
        return [
            _PROBLEM,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", visit.request_id.encode("ascii")),
            _NO_STORE,
            *(self._cors.headers(visit.headers) if self._cors else ()),
        ]


def _phases(visit: _Visit, now_s: float) -> tuple[tuple[str, float], ...]:
    if not visit.parsed_s:
        return (("parse", now_s - visit.started_s),)
    parse_phase = ("parse", visit.parsed_s - visit.started_s)
    if not visit.verified_s:
        return (parse_phase, ("verify", now_s - visit.parsed_s))
    return (parse_phase, ("verify", visit.verified_s - visit.parsed_s), ("lookup", now_s - visit.verified_s))


async def _send(send: Send, status: int, headers: Sequence[Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_over_unread(  # noqa: PLR0913 - an answer and both ends of its connection
    watches: Watches, receive: Receive, send: Send, status: int, headers: Sequence[Header], body: bytes
) -> None:
    """Answer at once, then take what is still coming for a short while, then let the server close."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    watch = watches.start(_LINGER_S)
    try:
        await linger(receive)
    except asyncio.CancelledError:
        if not watch.interrupted():
            raise
    finally:
        watches.end(watch)
    await send({"type": "http.response.body", "body": b""})
