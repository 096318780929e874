"""The way of a whole answer to a server that takes one in a single step: an extension of ASGI, offered by our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Scope

    from gatewayz_auth.web.problems import Header

EXTENSION = "gatewayz_auth.whole_answer"
"""Where ``scope["extensions"]`` has it, ``[EXTENSION]["send"]`` is a ``SendWhole``."""


class SendWhole(Protocol):
    """Sends a 200 with its head (``head_lines``, a content length among them) and its body, and ends it."""

    def __call__(self, scope: Scope, head: bytes, body: bytes) -> bool:
        """Whether it was sent; False, and nothing was done, where ``send`` must be awaited instead."""
        ...


def sent_whole(scope: Scope, head: bytes, body: bytes) -> bool:
    """Send a 200 by the server's own way for whole answers; False where it has none, or not for this one."""
    extensions = scope.get("extensions")
    if extensions is None or EXTENSION not in extensions:
        return False
    send: SendWhole = extensions[EXTENSION]["send"]
    return send(scope, head, body)


def head_lines(headers: Iterable[Header]) -> bytes:
    """``headers`` as they go over the wire, a line each; their names and values are ours and hold no line's end."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def headers_of(head: bytes) -> list[Header]:
    """The headers that ``head_lines`` has written."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[:-1])]
