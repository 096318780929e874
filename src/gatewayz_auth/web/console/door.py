"""Who is let in, from where, and with what: cookies, the page's own proof, guesses counted."""

from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from gatewayz_auth.domain.errors import FieldError, RateLimited, RequestNotUnderstood
from gatewayz_auth.reliability.rate_limit import Rate, RateLimiter
from gatewayz_auth.service.desk import Operator
from gatewayz_auth.web.access import Listener, rules_of
from gatewayz_auth.web.json_body import sent_object

if TYPE_CHECKING:
    from typing import Any

    from starlette.responses import Response

    from gatewayz_auth.reliability.bulkhead import Bulkhead
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.desk import Desk
    from gatewayz_auth.web.console.session import Session, Sessions

COOKIE = "gatewayz_auth_console"
GUESSES = Rate(per_second=0.2, burst=5)
GUESSES_OF_ALL = Rate(per_second=2.0, burst=40)
_MAX_ADDRESSES = 1000
CALL_LIMIT_S = 2.0


class Door:
    """What the console's routes have in common; ``desk`` is where people are looked up and changed."""

    def __init__(self, sessions: Sessions, desk: Desk, slots: Bulkhead, clock: Clock) -> None:
        """Let nobody in yet; ``slots`` is how many of the console's calls may be under way at once."""
        self.sessions = sessions
        self.desk = desk
        self._slots = slots
        self._clock = clock
        self._by_address = RateLimiter(GUESSES, max_keys=_MAX_ADDRESSES)
        self._of_all = RateLimiter(GUESSES_OF_ALL, max_keys=1)

    def is_shown(self, request: Request) -> None:
        """Raise 404 on a listener that is not for operators, 403 where the console is closed."""
        if rules_of(request).listener is Listener.PUBLIC:
            raise HTTPException(404)
        if not self.sessions.is_open:
            raise HTTPException(403)

    def session(self, request: Request) -> Session | None:
        """The caller's session, if they have one."""
        return self.sessions.read(request.cookies.get(COOKIE))

    def require(self, request: Request) -> Session:
        """The caller's session, or 401, 403, 404."""
        self.is_shown(request)
        session = self.session(request)
        if session is None:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return session

    def require_page(self, request: Request) -> Operator:
        """Who acts, where it is our own page that asks; else 401, 403 or 404."""
        session = self.require(request)
        given = request.headers.get("x-console-token", "")
        if not _is_same_origin(request) or not hmac.compare_digest(given.encode(), session.csrf.encode()):
            raise HTTPException(403)
        return Operator(session.name, "console")

    def guess(self, request: Request) -> None:
        """Count one try of a token; ``RateLimited`` where there were too many, from there or altogether."""
        now_s = self._clock.monotonic_s()
        address = request.client.host if request.client else ""
        wait_s = self._by_address.retry_in_s(address, now_s) or self._of_all.retry_in_s("all", now_s)
        if wait_s > 0:
            raise RateLimited(math.ceil(wait_s))

    def is_from_here(self, request: Request) -> None:
        """Raise 403 where another site's page has sent this."""
        if not _is_same_origin(request):
            raise HTTPException(403)

    def let_in(self, request: Request, response: Response, name: str) -> None:
        """Give ``response`` the cookie of a new session."""
        response.set_cookie(
            COOKIE,
            self.sessions.begin(name),
            path="/console",
            httponly=True,
            samesite="strict",
            secure=_is_encrypted(request),
        )

    async def slot(self) -> _Slot:
        """A place among the console's calls: ``Overloaded`` where none is free in time. Takes none of the sign-ins'."""
        taken = await self._slots.acquire("console", limit_s=CALL_LIMIT_S, operation="console")
        return _Slot(taken.release)


class _Slot:
    def __init__(self, release: Any) -> None:  # noqa: ANN401 - a method
        self._release = release

    def __enter__(self) -> None:
        """Hold it."""

    def __exit__(self, *_: object) -> None:
        self._release()


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; ``RequestNotUnderstood`` where it is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415)  # a form of another site cannot say this without asking first
    return await sent_object(request)


def text_of(body: dict[str, Any], name: str, most: int, *, is_needed: bool = False) -> str:
    """The text ``name`` of ``body``, ``most`` characters at most; else ``RequestNotUnderstood``."""
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > most or "\0" in value or (is_needed and not value.strip()):
        raise RequestNotUnderstood("Not understood.", (FieldError(f"/{name}", f"must be a text of 1 to {most}"),))
    return value.strip()


def _is_same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()


def _is_encrypted(request: Request) -> bool:
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "") == "https"
