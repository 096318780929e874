"""The framework's own refusals, told as problems like everybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gatewayz_auth.domain.errors import FieldError, GatewayzAuthError, RequestNotUnderstood
from gatewayz_auth.web import problems
from gatewayz_auth.web.guard import REQUEST_ID
from gatewayz_auth.web.wire import ERRORS_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

    from gatewayz_auth.web.parts import Parts


def problem_response(
    request: Request,
    problem: problems.Problem,
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """``problem`` as a response to ``request``; ``headers`` come on top."""
    body = problems.render(problem, request.scope.get(REQUEST_ID, ""), errors)
    media_type = problems.CONTENT_TYPE.decode("ascii")
    return Response(body, problem.status, {"cache-control": "no-store", **(headers or {})}, media_type)


def _pointer(location: tuple[int | str, ...]) -> str:
    inside = location[1:] if location and location[0] in {"body", "query", "path", "header", "cookie"} else location
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in inside)


async def _on_http(request: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    problem = problems.of_status(refused.status_code)
    return problem_response(request, problem, headers=refused.headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    faults = cast("RequestValidationError", error).errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem_response(request, problems.PROBLEMS["not_json"])
    errors = tuple(FieldError(_pointer(fault["loc"]), str(fault["msg"])[:200]) for fault in faults[:ERRORS_LIMIT])
    return problem_response(request, problems.PROBLEMS["request_not_understood"], errors)


async def _on_ours(request: Request, error: Exception) -> Response:
    ours = cast("GatewayzAuthError", error)
    parts: Parts = request.app.state.parts
    problem = problems.of_error(ours)
    errors = ours.errors if isinstance(ours, RequestNotUnderstood) else ()
    extra = problems.headers(problem, ours, parts.entropy.fraction())
    headers = {name.decode("ascii"): value.decode("ascii") for name, value in extra}
    return problem_response(request, problem, errors, headers)


def install(api: FastAPI) -> None:
    """Have ``api`` tell 404, 405, 422, our own errors and every ``HTTPException`` as problems."""
    api.add_exception_handler(HTTPException, _on_http)
    api.add_exception_handler(RequestValidationError, _on_invalid)
    api.add_exception_handler(GatewayzAuthError, _on_ours)
