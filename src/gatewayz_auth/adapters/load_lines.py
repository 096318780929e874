"""Connections that a load is made over: HTTP/1.1, kept alive, as many as are waited on at once."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from gatewayz_auth.reliability.clock import Clock

STALE_S = 2.0
"""A line that was idle for longer is not used again: servers hang up after five seconds, and that is no failure."""

MOST_BYTES = 1 << 20
MOST_IDLE = 10_000


class NoAnswer(Exception):  # noqa: N818 - what befell, not what went wrong here
    """The line broke, or what came over it is no answer; the text says how."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; the names of ``headers`` are small."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Lines:
    """Lines to one address; each carries one question at a time, and a new one is made where none is free."""

    def __init__(self, host: str, port: int, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        """Call nobody yet."""
        self._host, self._port, self._clock, self._tls = host, port, clock, tls
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes) -> Reply:
        """Send ``request`` and read its answer; ``NoAnswer`` or ``OSError`` otherwise. Waits for ever: cancel it."""
        reader, writer = await self._line()
        is_kept = False
        try:
            writer.write(request)
            reply = await _read(reader)
            is_kept = reply.headers.get("connection", "").lower() != "close" and "content-length" in reply.headers
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise NoAnswer(type(error).__name__) from None
        finally:
            if is_kept and len(self._idle) < MOST_IDLE:
                self._idle.append((self._clock.monotonic_s(), reader, writer))
            else:
                writer.transport.abort()
        return reply

    async def _line(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            since_s, reader, writer = self._idle.pop()
            if self._clock.monotonic_s() - since_s < STALE_S and not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.transport.abort()
        return await asyncio.open_connection(self._host, self._port, ssl=self._tls)

    async def close(self) -> None:
        """Hang up every line that nobody uses, and let the loop have done so."""
        while self._idle:
            _, _, writer = self._idle.pop()
            writer.transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)


def post(path: str, body: bytes, host: str = "127.0.0.1") -> bytes:
    """The bytes of one POST of a JSON ``body``."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _read(reader: asyncio.StreamReader) -> Reply:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    version, status, *_ = first.split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(version)
    if "content-length" in headers:
        length = int(headers["content-length"])
        if not 0 <= length <= MOST_BYTES:
            raise ValueError(length)
        body = await reader.readexactly(length)
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.read(MOST_BYTES)
    return Reply(int(status), headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while length := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        if length < 0 or len(whole) + length > MOST_BYTES:
            raise ValueError(length)
        whole += (await reader.readexactly(length + 2))[:-2]
    with contextlib.suppress(asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n")
    return whole
