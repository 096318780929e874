"""Jobs, Rollout, Settings and Audit: looked at, and changed one deed at a time where the page itself asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, HTTPException, Request, Response

from gatewayz_auth.domain.errors import FieldError, NotKnown, OperatorError, RequestNotUnderstood
from gatewayz_auth.service.audit import WHY_LENGTH
from gatewayz_auth.service.rollout_moves import MOVES
from gatewayz_auth.service.steering_desk import VALUE_LENGTH
from gatewayz_auth.web.console.audit_sheet import audit_sheet
from gatewayz_auth.web.console.door import body_of, text_of
from gatewayz_auth.web.console.jobs_sheet import jobs_sheet
from gatewayz_auth.web.console.pages import HEADERS
from gatewayz_auth.web.console.rollout_sheet import rollout_sheet
from gatewayz_auth.web.console.settings_sheet import settings_sheet

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gatewayz_auth.service.audit import AuditEntry
    from gatewayz_auth.service.steering_seen import Steering
    from gatewayz_auth.web.console.door import Door

_CONFLICT = 409
_HIGHEST_ID = 2**63 - 1
_DIGITS = 9


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, HEADERS, "application/json")


async def _done(doing: Awaitable[str]) -> Response:
    """What was done; 409 and the sentence where it may not be."""
    try:
        return _json({"done": await doing})
    except OperatorError as error:
        return _json({"detail": str(error)}, _CONFLICT)


def steer_routes(door: Door, steering: Steering) -> APIRouter:  # noqa: C901 - one short function a route
    """What is shown is a sheet (``sheet.py``); what is done is POST, below ``/console/steer``."""
    router = APIRouter(include_in_schema=False)
    desk, live, clock = steering.desk, steering.live, steering.clock

    @router.get("/console/sheets/{name}")
    async def sheet(name: str, request: Request) -> Response:
        """Jobs, rollout, settings or the audit log; while the database is silent, as they were known last."""
        door.require(request)
        silent_s = steering.silent_for_s()
        if name == "jobs":
            with await door.slot():
                seen = await steering.jobs.seen()
            return _json(jobs_sheet(seen, silent_s, clock.utc_now_s()))
        if name == "audit":
            return _json(audit_sheet(await entries(), clock.utc_now_s()))
        if name == "rollout":
            return _json(rollout_sheet(live, await steering.seen(), silent_s, clock.utc_now_s()))
        if name == "settings":
            rows = steering.list_settings(live.now.settings)
            return _json(settings_sheet(rows, live, silent_s, clock.utc_now_s()))
        raise HTTPException(404)

    async def entries() -> tuple[AuditEntry, ...] | None:
        try:
            with await door.slot():
                return await door.desk.entries()
        except NotKnown:
            return None

    @router.post("/console/steer/rollout/{move}")
    async def roll_out(move: str, request: Request) -> Response:
        """Start, advance, halt or finish."""
        operator, body = door.require_page(request), await body_of(request)
        if move not in MOVES:
            raise HTTPException(404)
        with await door.slot():
            return await _done(desk.move(operator, move, _why(body)))

    @router.post("/console/steer/settings/{name}/{deed}")
    async def change(name: str, deed: str, request: Request) -> Response:
        """Set or unset a setting while the service runs."""
        operator, body = door.require_page(request), await body_of(request)
        with await door.slot():
            if deed == "set":
                value = text_of(body, "value", VALUE_LENGTH)
                return await _done(desk.set(operator, name, value, _seconds(body), _why(body)))
            if deed == "unset":
                return await _done(desk.unset(operator, name, _why(body)))
        raise HTTPException(404)

    @router.post("/console/steer/jobs/retry")
    async def retry_all(request: Request) -> Response:
        """Have every failed referral tried again."""
        operator, body = door.require_page(request), await body_of(request)
        with await door.slot():
            return await _done(_retry(operator.who, None, _why(body)))

    @router.post("/console/steer/jobs/{referral_id}/retry")
    async def retry(referral_id: int, request: Request) -> Response:
        """Have one failed referral tried again."""
        operator, body = door.require_page(request), await body_of(request)
        if not 0 < referral_id <= _HIGHEST_ID:
            raise HTTPException(404)
        with await door.slot():
            return await _done(_retry(operator.who, referral_id, _why(body)))

    async def _retry(who: str, referral_id: int | None, why: str) -> str:
        count = await steering.referrals.retry(who, referral_id, lambda _: None, why)
        steering.jobs.forget()
        if not count:
            return "None of them is failed any more."
        return f"{count} failed {'referral is' if count == 1 else 'referrals are'} tried again by the next free worker."

    return router


def _why(body: dict[str, Any]) -> str:
    return text_of(body, "why", WHY_LENGTH)


def _seconds(body: dict[str, Any]) -> float:
    text = text_of(body, "for_s", _DIGITS) or "0"
    if not text.isascii() or not text.isdigit():
        raise RequestNotUnderstood("Not understood.", (FieldError("/for_s", "must be a number of seconds"),))
    return float(text)
