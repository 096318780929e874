"""The live stream: a snapshot a second by server-sent events, and the history behind the charts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, HTTPException, Request, Response
from starlette.responses import StreamingResponse

from gatewayz_auth.domain.errors import Overloaded
from gatewayz_auth.web.access import require_look
from gatewayz_auth.web.console.pages import HEADERS
from gatewayz_auth.web.console.shown import history_as_json, now_as_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.view import View
    from gatewayz_auth.web.console.door import Door
    from gatewayz_auth.web.console.session import Session

MAX_STREAMS = 20
EVERY_S = 1.0
LOOK_EVERY_S = 0.1
"""How soon a stream notices that the process is to end."""

STEPS_S = {900: 5, 3600: 20, 86400: 480}
"""The spans that can be asked for, and the length of a step of each: 180 steps."""

MOST_FRAMES_S = 86400

_RETRY_MS = 1000


class Live:
    """Shows ``view`` to those who look: at most ``MAX_STREAMS`` a process, for all of whom one snapshot is made."""

    def __init__(self, view: View, clock: Clock) -> None:
        """Show nobody anything yet."""
        self._view = view
        self._clock = clock
        self._streams = 0
        self._made: tuple[object, bytes] | None = None

    def now(self) -> bytes:
        """The snapshot as JSON."""
        snapshot = self._view.snapshot()
        if self._made is None or self._made[0] is not snapshot:
            self._made = snapshot, orjson.dumps(now_as_json(snapshot))
        return self._made[1]

    def history(self, span_s: int) -> bytes:
        """The last ``span_s`` seconds as columns."""
        frames = self._view.frames(span_s)
        return orjson.dumps(history_as_json(frames, span_s, STEPS_S[span_s], self._clock.utc_now_s()))

    def frames(self, span_s: int) -> bytes:
        """The last ``span_s`` seconds frame by frame, in the finest resolution that holds them all."""
        shown = [frame.as_dict() for frame in self._view.frames(span_s)]
        return orjson.dumps({"at_s": self._clock.utc_now_s(), "frames": shown}, option=orjson.OPT_NON_STR_KEYS)

    def stream(self, request: Request, session: Session) -> AsyncIterator[bytes]:
        """A snapshot a second, until the session or the process ends; ``Overloaded`` where too many look on."""
        if self._streams >= MAX_STREAMS:
            raise Overloaded(f"{MAX_STREAMS} consoles are open on this process")
        is_ending = getattr(request.state, "is_ending", lambda: False)
        return self._events(is_ending, session)

    async def _events(self, is_ending: object, session: Session) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            yield b"retry: %d\n\n" % _RETRY_MS
            due_s = self._clock.monotonic_s()
            while not (callable(is_ending) and is_ending()) and self._clock.utc_now_s() < session.expires_s:
                if self._clock.monotonic_s() >= due_s:
                    yield b"event: now\ndata: %b\n\n" % self.now()
                    due_s = max(due_s + EVERY_S, self._clock.monotonic_s())
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._streams -= 1


def live_routes(door: Door, live: Live) -> APIRouter:
    """The stream and the history for the page, and the snapshot alone for programs."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console/stream")
    async def stream(request: Request) -> Response:
        """Server-sent events: a snapshot a second, true over all workers."""
        session = door.require(request)
        headers = {**HEADERS, "X-Accel-Buffering": "no"}
        return StreamingResponse(live.stream(request, session), media_type="text/event-stream", headers=headers)

    @router.get("/console/history")
    async def history(request: Request, span: int = 900) -> Response:
        """Columns over the last `span` seconds: 900, 3600 or 86400."""
        door.require(request)
        return _history(live, span)

    @router.get("/figures")
    async def figures(request: Request, span: int | None = None, frames: int | None = None) -> Response:
        """For `watch` and `status`: the snapshot, with `span` the history in columns, with `frames` as it is kept."""
        require_look(request)
        if frames is not None:
            if not 0 < frames <= MOST_FRAMES_S:
                raise HTTPException(404)
            return Response(live.frames(frames), media_type="application/json", headers=HEADERS)
        if span is not None:
            return _history(live, span)
        return Response(live.now(), media_type="application/json", headers={"Cache-Control": "no-store"})

    return router


def _history(live: Live, span: int) -> Response:
    if span not in STEPS_S:
        raise HTTPException(404)
    return Response(live.history(span), media_type="application/json", headers=HEADERS)
