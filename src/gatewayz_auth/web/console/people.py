"""Looking one person up and changing what they may: each call asked for by the page itself, and written down."""

from __future__ import annotations

import uuid  # noqa: TC003 - FastAPI reads the annotation
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, HTTPException, Request, Response

from gatewayz_auth.service.audit import WHY_LENGTH
from gatewayz_auth.service.desk import ACTIONS
from gatewayz_auth.web.console.door import body_of, text_of
from gatewayz_auth.web.console.pages import HEADERS
from gatewayz_auth.web.console.shown import dossier_as_json

if TYPE_CHECKING:
    from gatewayz_auth.web.console.door import Door

_WHO_LENGTH = 200
_HIGHEST_ID = 2**63 - 1


def _json(value: object, **headers: str) -> Response:
    body = orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
    return Response(body, media_type="application/json", headers={**HEADERS, **headers})


def people_routes(door: Door) -> APIRouter:  # noqa: C901 - one short function a route
    """Every route changes something or shows somebody, so all are POST and none has a name in its address."""
    router = APIRouter(include_in_schema=False)
    desk = door.desk

    @router.post("/console/people/find")
    async def find(request: Request) -> Response:
        """One person by Privy id, user id or username; what is personal is masked."""
        door.require_page(request)
        who = text_of(await body_of(request), "who", _WHO_LENGTH, is_needed=True)
        with await door.slot():
            dossier = await desk.look_up(who)
        if dossier is None:
            raise HTTPException(404)
        return _json(dossier_as_json(dossier, is_masked=True))

    @router.post("/console/people/{user_id}/reveal")
    async def reveal(user_id: int, request: Request) -> Response:
        """The same, unmasked; the asking is written down."""
        operator, why = door.require_page(request), await _why(request)
        with await door.slot():
            dossier = await desk.reveal(operator, _in_range(user_id), why)
        if dossier is None:
            raise HTTPException(404)
        return _json(dossier_as_json(dossier, is_masked=False))

    @router.post("/console/people/{user_id}/export")
    async def export(user_id: int, request: Request) -> Response:
        """Everything that is kept of the person, as one JSON file."""
        operator, why = door.require_page(request), await _why(request)
        with await door.slot():
            kept = await desk.export(operator, _in_range(user_id), why)
        if kept is None:
            raise HTTPException(404)
        return _json(kept, **{"Content-Disposition": f'attachment; filename="user-{user_id}.json"'})

    @router.post("/console/people/{user_id}/{action}")
    async def act(user_id: int, action: str, request: Request) -> Response:
        """Invalidate, disable, enable, erase: says what it did."""
        operator, why = door.require_page(request), await _why(request)
        if action not in {*ACTIONS, "erase"}:
            raise HTTPException(404)
        with await door.slot():
            if action == "erase":
                done = await desk.erase(operator, _in_range(user_id), why)
            else:
                done = await desk.act(operator, action, _in_range(user_id), why)
        return _done(done)

    @router.post("/console/keys/{key_id}/revoke")
    async def revoke(key_id: uuid.UUID, request: Request) -> Response:
        """End a key for good."""
        operator, why = door.require_page(request), await _why(request)
        with await door.slot():
            return _done(await desk.revoke(operator, key_id, why))

    @router.get("/console/audit")
    async def audit(request: Request) -> Response:
        """What operators did, newest first."""
        door.require(request)
        with await door.slot():
            return _json([asdict(entry) for entry in await desk.entries()])

    return router


def _in_range(user_id: int) -> int:
    if not 0 < user_id <= _HIGHEST_ID:
        raise HTTPException(404)
    return user_id


def _done(sentence: str | None) -> Response:
    if sentence is None:
        raise HTTPException(404)
    return _json({"done": sentence})


async def _why(request: Request) -> str:
    body: dict[str, Any] = await body_of(request)
    return text_of(body, "why", WHY_LENGTH)
