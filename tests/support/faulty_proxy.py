"""A proxy between us and a neighbour that misbehaves on request: it freezes, drips, resets, refuses, goes silent.

It lives in a thread with a loop of its own, so that it works for any driver, any loop and any process, and stays
punctual while the test's own loop is busy. Every control method may be called from any thread and has taken effect
when it returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

_CHUNK = 65536
_TAKES_EFFECT_WITHIN_S = 10.0
_LOOKS_AGAIN_S = 0.05

Address = tuple[str, int] | str
"""Host and port, or the path of a socket file."""


class _Link:
    """One client's connection and the one to the neighbour behind it."""

    def __init__(self, proxy: FaultyProxy, client: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.client = client
        self.upstream: asyncio.StreamWriter | None = None
        self.flows = asyncio.Event()
        self.left_bytes: int | None = None
        self.task: asyncio.Task[None] | None = None

    def reset(self) -> None:
        """End both sides with a RST and no goodbye (a socket file knows no RST: it just ends)."""
        for writer in (self.client, self.upstream):
            if writer is None:
                continue
            sock = writer.get_extra_info("socket")
            if sock.family != socket.AF_UNIX:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def run(self, reader: asyncio.StreamReader) -> None:
        try:
            if self.proxy.is_silent:
                await self.flows.wait()
            upstream_reader, self.upstream = await self.proxy.connect_upstream()
            pumps = [
                asyncio.ensure_future(self._pump(reader, self.upstream, is_answer=False)),
                asyncio.ensure_future(self._pump(upstream_reader, self.client, is_answer=True)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass
        finally:
            for writer in (self.client, self.upstream):
                if writer is not None:
                    writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        """Carry bytes one way while the link flows, each as late as the delay asks."""
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)

        async def read() -> None:
            try:
                while data := await reader.read(_CHUNK):
                    await chunks.put((loop.time() + (0.0 if is_answer else self.proxy.next_delay_s()), data))
            except OSError:
                pass
            await chunks.put((loop.time(), b""))

        reading = asyncio.ensure_future(read())
        try:
            while True:
                due_s, data = await chunks.get()
                while self.proxy.delay_s and (left_s := due_s - loop.time()) > 0:
                    await asyncio.sleep(min(left_s, _LOOKS_AGAIN_S))  # a thaw lets through what is late
                await self.flows.wait()
                if not data:
                    writer.write_eof()
                    return
                if not is_answer and self.proxy.on_question is not None:
                    self.proxy.on_question(data)
                await self._write(writer, data, is_answer=is_answer)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes, *, is_answer: bool) -> None:
        if is_answer and self.left_bytes is not None and len(data) > self.left_bytes:
            begun, data = data[: self.left_bytes], data[self.left_bytes :]
            self.left_bytes = None
            writer.write(begun)
            await writer.drain()
            self.flows.clear()
            await self.flows.wait()
        elif is_answer and self.left_bytes is not None:
            self.left_bytes -= len(data)
        while is_answer and self.proxy.drip_s and data:
            await asyncio.sleep(self.proxy.drip_s)
            await self.flows.wait()
            writer.write(data[:1])
            await writer.drain()
            data = data[1:]
        writer.write(data)
        await writer.drain()


class FaultyProxy:
    """Carries everything to ``upstream`` and back until told otherwise; a context manager.

    It listens on ``listen``: a path for a socket file, else a free port of 127.0.0.1. ``address`` says where.
    """

    def __init__(self, upstream: Address, *, listen: str | None = None) -> None:
        self.upstream = upstream
        self._listen = listen
        self.address: Address = listen or ("127.0.0.1", 0)
        self.delay_s = 0.0
        self._one_in = 1
        self._asked = 0
        self.drip_s = 0.0
        self.is_silent = False
        self.accepted = 0
        """Connections ever taken."""
        self.most_links = 0
        """Connections that ever were open at once."""
        self.on_question: Callable[[bytes], None] | None = None
        """Called, on the proxy's loop, with whatever a client says, when it reaches the neighbour."""
        self._is_frozen = False
        self._answer_bytes: int | None = None
        self._links: set[_Link] = set()
        self._server: asyncio.AbstractServer | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._on_loop(self._open)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._on_loop(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TAKES_EFFECT_WITHIN_S)
        self._loop.close()

    @property
    def host(self) -> str:
        """Where it listens: the host, or the folder of the socket file (as libpq wants it)."""
        return str(Path(self.address).parent) if isinstance(self.address, str) else self.address[0]

    @property
    def port(self) -> int:
        """Where it listens: the port, or the number a Postgres socket file's name ends in."""
        return int(self.address.rpartition(".")[2]) if isinstance(self.address, str) else self.address[1]

    @property
    def open_links(self) -> int:
        """Connections that are open now."""
        return len(self._links)

    def freeze(self) -> None:
        """Keep connections open and take new ones; the kernel acknowledges, nobody answers, nothing gets through."""
        self._on_loop(self._freeze)

    def freeze_in_answer(self, after_bytes: int = 1) -> None:
        """Freeze each connection when ``after_bytes`` of the answers to come have got through."""
        self._on_loop(self._freeze_in_answer, after_bytes)

    def drip(self, seconds_per_byte: float) -> None:
        """Let answers through one byte at a time."""
        self._on_loop(self._set, "drip_s", seconds_per_byte)

    def delay(self, seconds: float, *, one_in: int = 1) -> None:
        """Let each query, or one in so many, through ``seconds`` late."""
        self._on_loop(self._set, "_one_in", one_in)
        self._on_loop(self._set, "delay_s", seconds)

    def next_delay_s(self) -> float:
        """How late the query that comes now is."""
        self._asked += 1
        return self.delay_s if self._asked % self._one_in == 0 else 0.0

    def say_nothing(self) -> None:
        """Take new connections and never say a word on them; those that stand work on."""
        self._on_loop(self._set, "is_silent", True)

    def reset(self) -> None:
        """Reset every connection that stands; new ones work."""
        self._on_loop(self._reset)

    def refuse(self) -> None:
        """Reset every connection and refuse new ones."""
        self._on_loop(self._refuse)

    def thaw(self, *, old_connections_stay_dead: bool = False) -> None:
        """End every fault. What was held back gets through, unless the old connections are to stay silent for ever."""
        self._on_loop(self._thaw, old_connections_stay_dead)

    async def connect_upstream(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.upstream, str):
            return await asyncio.open_unix_connection(self.upstream)
        return await asyncio.open_connection(*self.upstream)

    def _on_loop(self, act: Callable[..., Any], *args: object) -> None:
        async def do() -> None:
            result = act(*args)
            if asyncio.iscoroutine(result):
                await result

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(_TAKES_EFFECT_WITHIN_S)

    def _set(self, name: str, value: object) -> None:
        setattr(self, name, value)

    async def _open(self) -> None:
        if self._listen is not None:
            self._unlink()
            self._server = await asyncio.start_unix_server(self._accept, self._listen, backlog=1024)
            return
        host, port = self.address
        self._server = await asyncio.start_server(self._accept, host, port, backlog=1024)
        self.address = (str(host), self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, writer)
        self.accepted += 1
        self._links.add(link)
        self.most_links = max(self.most_links, len(self._links))
        link.task = asyncio.current_task()
        link.left_bytes = self._answer_bytes
        if not self._is_frozen and not self.is_silent:
            link.flows.set()
        try:
            await link.run(reader)
        except asyncio.CancelledError:
            pass  # by ``reset`` and by our own end only
        finally:
            self._links.discard(link)

    def _unlink(self) -> None:
        if self._listen is not None:
            Path(self._listen).unlink(missing_ok=True)

    def _freeze(self) -> None:
        self._is_frozen = True
        for link in self._links:
            link.flows.clear()

    def _freeze_in_answer(self, after_bytes: int) -> None:
        self._answer_bytes = after_bytes
        for link in self._links:
            link.left_bytes = after_bytes

    def _reset(self) -> None:
        for link in tuple(self._links):
            link.reset()
            if link.task is not None:
                link.task.cancel()

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._unlink()
        self._reset()

    async def _thaw(self, old_connections_stay_dead: bool) -> None:
        self.delay_s = self.drip_s = 0.0
        self._is_frozen = self.is_silent = False
        self._answer_bytes = None
        for link in self._links:
            if not old_connections_stay_dead:
                link.left_bytes = None
                link.flows.set()
        if self._server is None:
            await self._open()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = [link.task for link in self._links if link.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._unlink()
