"""Start and end of the application, as the server asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.domain.errors import OperatorError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from gatewayz_auth.web.parts import Parts


class Lifespan:
    """Awaits ``startup`` and ``shutdown`` itself; what a person must put right is said in one sentence, untraced."""

    def __init__(self, parts: Parts, rest: ASGIApp) -> None:
        """Stand in front of ``rest``."""
        self._parts = parts
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the server's lifespan, pass everything else on."""
        if scope["type"] != "lifespan":
            await self._rest(scope, receive, send)
            return
        await receive()
        try:
            await self._parts.startup()
        except OperatorError as error:
            await self._parts.shutdown()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._parts.shutdown()
        await send({"type": "lifespan.shutdown.complete"})
