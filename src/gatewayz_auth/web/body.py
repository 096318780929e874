"""Reading a request's body: bounded in bytes while it streams, and refused for what it says it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive

BODY_LIMIT_BYTES = 64 * 1024
LINGER_LIMIT_BYTES = 8 * 1024 * 1024

_LENGTH_DIGITS = len(str(BODY_LIMIT_BYTES))
_JSON = b"application/json"


class UnreadableBody(Exception):  # noqa: N818 - named for what it says of the body
    """A body that is not read to its end; ``code`` is the problem's (``web.problems``)."""

    def __init__(self, code: str) -> None:
        """Keep ``code``: ``body_too_large``, ``body_too_slow`` or ``unsupported_media_type``."""
        super().__init__(code)
        self.code = code


class CallerLeft(Exception):  # noqa: N818 - named for what happened
    """The caller closed the connection: nobody is there to be answered."""


def check_declared(headers: Mapping[bytes, bytes]) -> None:
    """Refuse by the headers alone: a length above 64 KiB, a content type that is neither JSON nor text, an encoding.

    ``headers`` have lower-case names. No content type is fine.
    """
    content_type = headers.get(b"content-type")
    if content_type != _JSON and content_type is not None and not _is_json_or_text(content_type):
        raise UnreadableBody("unsupported_media_type")
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() != b"identity":
        raise UnreadableBody("unsupported_media_type")
    length = headers.get(b"content-length")
    if length is not None and len(length) >= _LENGTH_DIGITS and _is_too_much(length):
        raise UnreadableBody("body_too_large")


def _is_too_much(length: bytes) -> bool:
    return length.isdigit() and (len(length) > 18 or int(length) > BODY_LIMIT_BYTES)  # noqa: PLR2004 - no number of that length is small


def _is_json_or_text(content_type: bytes) -> bool:
    essence = content_type.partition(b";")[0].strip().lower()
    if essence.startswith(b"application/"):
        return essence == _JSON or (essence.endswith(b"+json") and len(essence) > len(b"application/+json"))
    return not essence or essence.startswith(b"text/")


async def read_body(receive: Receive) -> bytes:
    """The whole body, 64 KiB at most; ``UnreadableBody`` as soon as it is larger, ``CallerLeft`` where they went."""
    return await rest_of_body(await receive(), receive)


def at_once(message: Message) -> bytes | None:
    """The body where it came whole in its first ``message``, as nearly all do; else None."""
    body: bytes = message.get("body", b"")
    is_whole = message["type"] == "http.request" and not message.get("more_body", False)
    return body if is_whole and len(body) <= BODY_LIMIT_BYTES else None


async def rest_of_body(message: Message, receive: Receive) -> bytes:
    """``read_body`` where the first ``message`` was taken already."""
    if message["type"] != "http.request":
        raise CallerLeft
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _rest_of(receive, body)
    if len(body) > BODY_LIMIT_BYTES:
        raise UnreadableBody("body_too_large")
    return body


async def _rest_of(receive: Receive, first: bytes) -> bytes:
    chunks = [first]
    size = len(first)
    while size <= BODY_LIMIT_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            raise CallerLeft
        chunk = message.get("body", b"")
        if chunk:
            chunks.append(chunk)
            size += len(chunk)
        if not message.get("more_body", False):
            break
    return b"".join(chunks)


async def linger(receive: Receive) -> None:
    """Throw away what still comes, 8 MiB at most, so that closing does not tear the answer out of the caller's hands.

    A connection that is closed over unread bytes is reset, and a caller who is still sending loses the answer.
    """
    size = 0
    while size <= LINGER_LIMIT_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            return
