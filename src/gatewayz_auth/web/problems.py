"""The only table of codes to HTTP, and their look on the wire (RFC 9457)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from gatewayz_auth.domain.errors import GatewayzAuthError, NotKnown, RateLimited, RequestNotUnderstood

if TYPE_CHECKING:
    from gatewayz_auth.domain.errors import FieldError

CONTENT_TYPE = b"application/problem+json"
URN = "urn:gatewayz-auth:problem:"
RETRY_AFTER_LEAST_S = 1
RETRY_AFTER_SPREAD_S = 4
"""A 503 asks to come back in 1 to 5 seconds, spread so that all callers do not come back at once."""

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of refusal: its stable ``code``, its HTTP ``status``, what a person reads, and its ``outcome``.

    ``outcome`` is the word of the metric: ``refused``, ``unknown``, ``limited`` or ``invalid``.
    """

    code: str
    status: int
    title: str
    detail: str
    outcome: str
    headers: tuple[Header, ...] = ()

    @property
    def type(self) -> str:
        """The stable URI that names this kind; it is compared, not fetched."""
        return URN + self.code.replace("_", "-")


_BEARER = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
_CLOSE = ((b"connection", b"close"),)
_COME_BACK = "The answer is not known at the moment and is not guessed. Try again in a few seconds."

_TABLE = (
    Problem("not_http", 400, "Not HTTP", "This is not HTTP/1.1, or its head is larger than 64 KiB.", "invalid", _CLOSE),
    Problem("not_json", 400, "Not JSON", "The body is not JSON in UTF-8.", "invalid"),
    Problem("request_not_understood", 422, "Fields are missing or wrong", "See errors.", "invalid"),
    Problem(
        "token_not_accepted", 401, "Token not accepted", "No token, or one that is not accepted.", "refused", _BEARER
    ),
    Problem(
        "api_key_not_accepted", 401, "API key not accepted", "No API key, or one that is not accepted.", "refused",
        _BEARER,
    ),
    Problem("subject_mismatch", 403, "Not your account", "The token was made for somebody other than user.id.",
            "refused"),
    Problem("account_disabled", 403, "Account disabled", "This account is disabled.", "refused"),
    Problem("signups_closed", 403, "No new accounts", "New accounts are not taken here at the moment.", "refused"),
    Problem("operators_only", 403, "For operators", "Answered to operators alone.", "refused"),
    Problem("not_found", 404, "Not found", "There is nothing at this path.", "invalid"),
    Problem("method_not_allowed", 405, "Method not allowed", "This path knows other methods; see Allow.", "invalid"),
    Problem("body_too_slow", 408, "Body too slow", "The body did not arrive in time.", "invalid", _CLOSE),
    Problem("body_too_large", 413, "Body too large", "The body is larger than 64 KiB.", "invalid", _CLOSE),
    Problem("unsupported_media_type", 415, "Unsupported media type", "Send JSON as application/json, unencoded.",
            "invalid"),
    Problem("rate_limited", 429, "Too many requests", "Asked too often; see Retry-After.", "limited"),
    Problem("not_known", 503, "Not known at the moment", _COME_BACK, "unknown"),
    Problem("query_timeout", 503, "Not known at the moment", _COME_BACK, "unknown"),
    Problem("neighbour_unavailable", 503, "Not known at the moment", _COME_BACK, "unknown"),
    Problem("key_not_opened", 503, "Not known at the moment", _COME_BACK, "unknown"),
    Problem("overloaded", 503, "Overloaded", _COME_BACK, "unknown"),
    Problem("deadline_exceeded", 503, "Not known in time", _COME_BACK, "unknown"),
    Problem("unexpected", 503, "Not known at the moment", _COME_BACK, "unknown"),
)  # fmt: skip
PROBLEMS = {problem.code: problem for problem in _TABLE}
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}
_BY_STATUS |= {400: "not_json", 401: "token_not_accepted", 403: "operators_only", 422: "request_not_understood"}
_BY_STATUS |= {408: "body_too_slow", 429: "rate_limited"}


def of_error(error: GatewayzAuthError) -> Problem:
    """The problem that ``error`` is told as; whatever has no row of its own is ``unexpected``."""
    if isinstance(error, RequestNotUnderstood) and not error.errors:
        return PROBLEMS["not_json"]
    problem = PROBLEMS.get(error.code)
    if problem is None:
        return PROBLEMS["not_known" if isinstance(error, NotKnown) else "unexpected"]
    return problem


def of_status(status: int) -> Problem:
    """The problem that stands for a bare HTTP ``status``, such as the framework's own."""
    return PROBLEMS[_BY_STATUS.get(status, "unexpected")]


def render(problem: Problem, request_id: str, errors: tuple[FieldError, ...] = ()) -> bytes:
    """The body of the answer; a body that is not JSON is named by the pointer to the whole document."""
    fields: dict[str, Any] = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": request_id,
    }
    if errors:
        fields["errors"] = [{"pointer": error.pointer, "detail": error.detail} for error in errors]
    elif problem.code == "not_json":
        fields["errors"] = [{"pointer": "", "detail": "must be JSON in UTF-8"}]
    return orjson.dumps(fields)


def headers(problem: Problem, error: BaseException | None, fraction: float) -> list[Header]:
    """The headers that this problem has beside the usual ones; ``fraction`` (0 to 1) spreads ``Retry-After``."""
    if problem.status == 503:  # noqa: PLR2004 - the one status that invites
        wait_s = RETRY_AFTER_LEAST_S + math.floor(fraction * (RETRY_AFTER_SPREAD_S + 1))
        return [*problem.headers, (b"retry-after", b"%d" % wait_s)]
    if isinstance(error, RateLimited):
        return [*problem.headers, (b"retry-after", b"%d" % max(1, error.retry_after_s))]
    return list(problem.headers)
