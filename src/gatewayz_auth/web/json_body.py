"""A request's body as the JSON object that it must be, for every route but the sign-in, which reads its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.exceptions import HTTPException

from gatewayz_auth.domain.errors import FieldError, RequestNotUnderstood
from gatewayz_auth.web.body import CallerLeft, UnreadableBody, check_declared, read_body
from gatewayz_auth.web.problems import PROBLEMS

if TYPE_CHECKING:
    from starlette.requests import Request


async def sent_object(request: Request) -> dict[str, Any]:
    """The JSON object that was sent, 64 KiB at most; ``RequestNotUnderstood`` or an HTTP error where it is none."""
    try:
        check_declared(dict(request.scope["headers"]))
        raw = await read_body(request.receive)
    except UnreadableBody as error:
        raise HTTPException(PROBLEMS[error.code].status) from None
    except CallerLeft:
        raise HTTPException(PROBLEMS["body_too_slow"].status) from None  # said to nobody
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise RequestNotUnderstood("The body is not JSON in UTF-8.") from None
    if not isinstance(body, dict):
        raise RequestNotUnderstood("The body is not understood.", (FieldError("", "must be an object"),))
    return body
