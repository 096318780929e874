"""Cross-origin calls, by setting and off by default; the same few headers on every route, the hot one included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.web.problems import Header

_SHOWN = b"Age, Retry-After, Server-Timing, X-Auth-Source, X-Request-Id"
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, POST, DELETE"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Privy-Id-Token"),
    (b"access-control-max-age", b"600"),
)


class Cors:
    """Which web origins may call from a browser: those of ``origins``, or all where it holds ``*``. No cookies."""

    __slots__ = ("_any", "_by_origin")

    def __init__(self, origins: tuple[str, ...]) -> None:
        """Make the headers once."""
        shown = (b"access-control-expose-headers", _SHOWN)
        self._any: tuple[Header, ...] = ((b"access-control-allow-origin", b"*"), shown) if "*" in origins else ()
        self._by_origin: dict[bytes, tuple[Header, ...]] = {
            origin.encode("latin-1"): ((b"access-control-allow-origin", origin.encode("latin-1")), shown)
            for origin in (origin.rstrip("/") for origin in origins)
        }

    def __bool__(self) -> bool:
        """Whether any origin may call at all."""
        return bool(self._any or self._by_origin)

    def headers(self, request: Mapping[bytes, bytes]) -> tuple[Header, ...]:
        """What an answer to ``request`` (lower-case header names) says about its origin."""
        if self._any:
            return self._any
        allowed = self._by_origin.get(request.get(b"origin", b""), ())
        return (*allowed, (b"vary", b"Origin"))

    def preflight(self, request: Mapping[bytes, bytes]) -> tuple[Header, ...] | None:
        """The answer to a browser that asks first; None where ``request`` is no such question."""
        if b"origin" not in request or b"access-control-request-method" not in request:
            return None
        allowed = self.headers(request)
        known = self._any or request[b"origin"] in self._by_origin
        return (*allowed, *_PREFLIGHT) if known else allowed
