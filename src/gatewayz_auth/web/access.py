"""Who may see what operators see (contract, section 2)."""

from __future__ import annotations

import enum
import hmac
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import HTTPException, Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Scope

FORWARDING = frozenset(
    (
        b"forwarded",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-port",
        b"x-real-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"true-client-ip",
        b"cf-connecting-ip",
    )
)
"""Headers of a request that somebody passes on for somebody else."""


class Listener(enum.StrEnum):
    """Which door an app stands behind."""

    ONLY = "only"
    """There is no ``OPS_LISTEN``: one port for everybody."""
    PUBLIC = "public"
    """The main port, while operators have a listener of their own: nothing of theirs is answered here."""
    OPERATORS = "operators"
    """The operators' own listener: whoever reaches it sees metrics, docs and health; the rest wants the token."""


@dataclass(frozen=True, slots=True)
class OpsRules:
    """Decides from a connection alone; ``admin_token`` None closes what needs it.

    ``operators_port`` is the port of this machine that the operators' own listener stands at, where there is one.
    """

    admin_token: str | None = field(default=None, repr=False)
    listener: Listener = Listener.ONLY
    operators_port: int | None = None

    def at(self, scope: Scope) -> OpsRules:
        """The rules of the door that ``scope`` came through: told by our end of the connection, by no header."""
        server = scope.get("server")
        if self.operators_port is None or server is None or server[1] != self.operators_port:
            return self
        return OpsRules(self.admin_token, Listener.OPERATORS)

    def shows_admin_token(self, scope: Scope) -> bool:
        """Whether ``Authorization: Bearer ADMIN_TOKEN`` is there, compared in constant time."""
        if self.admin_token is None:
            return False
        given = _bearer(scope["headers"])
        return given is not None and hmac.compare_digest(given, self.admin_token.encode("ascii"))

    def may_look(self, scope: Scope) -> bool:
        """Whether metrics, docs and the details of health are shown to this caller."""
        if self.listener is Listener.OPERATORS:
            return True
        if self.listener is Listener.PUBLIC:
            return False
        return is_direct_loopback(scope) or self.shows_admin_token(scope)


def _bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.strip().partition(b" ")
            return token.strip() if scheme.lower() == b"bearer" else None
    return None


def is_direct_loopback(scope: Scope) -> bool:
    """Whether the caller sits on this machine and nothing says that it speaks for somebody else."""
    client = scope.get("client")
    if not client:
        return False
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    if not (mapped or address).is_loopback:
        return False
    return not any(name in FORWARDING for name, _ in scope["headers"])


def rules_of(request: Request) -> OpsRules:
    """The rules of the app, and of the door, that ``request`` came to."""
    rules: OpsRules = request.app.state.ops
    return rules.at(request.scope)


def _refuse(rules: OpsRules) -> HTTPException:
    if rules.listener is Listener.PUBLIC:
        return HTTPException(404)
    if rules.admin_token is None:
        return HTTPException(403)
    return HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


def require_look(request: Request) -> None:
    """A FastAPI dependency for metrics, docs and the like: 401, 403 or 404 for everybody else."""
    rules = rules_of(request)
    if not rules.may_look(request.scope):
        raise _refuse(rules)


def require_admin(request: Request) -> None:
    """A FastAPI dependency for administrative routes and the console: ``ADMIN_TOKEN`` alone opens them."""
    rules = rules_of(request)
    if rules.listener is Listener.PUBLIC or not rules.shows_admin_token(request.scope):
        raise _refuse(rules)
