"""A proxy before Postgres that counts round trips as the protocol has them, and may put the database far away.

A round trip is what a client must wait for: a ``Sync`` of the extended protocol or a simple ``Query``.
"""

import asyncio
import contextlib
import struct

_ROUND_TRIPS = {b"S": "Sync", b"Q": "Query"}
_HEADER = 5


class CountingProxy:
    """Listens on a loopback port, passes everything on to the socket file or address of ``url``.

    ``round_trips`` counts what clients have sent since it was last set to 0; ``delay_s`` is the time that a round trip
    takes longer, half of it each way, connections opened before included.
    """

    def __init__(self, url, *, delay_s=0.0):
        self._url = url
        self.delay_s = delay_s
        self.round_trips = 0
        self.connections = 0
        self._server = None
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self):
        """Where clients connect to."""
        database = self._url.split("@/")[1].split("?")[0]
        port = self._server.sockets[0].getsockname()[1]
        return f"postgresql://postgres@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"

    async def _serve(self, reader, writer):
        self.connections += 1
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        query = self._url.split("?")[1]
        options = dict(part.split("=") for part in query.split("&"))
        path = f"{options['host']}/.s.PGSQL.{options.get('port', '5432')}"
        upstream_reader, upstream_writer = await asyncio.open_unix_connection(path)
        pumps = [
            asyncio.ensure_future(self._pump(reader, upstream_writer, _Counter(self))),
            asyncio.ensure_future(self._pump(upstream_reader, writer, None)),
        ]
        try:
            with contextlib.suppress(asyncio.CancelledError):  # the end of the proxy
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (writer, upstream_writer):
                end.close()
            for end in (writer, upstream_writer):
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _pump(self, reader, writer, counter):
        loop = asyncio.get_running_loop()
        while data := await reader.read(65536):
            if counter is not None:
                counter.feed(data)
            if self.delay_s:
                loop.call_later(self.delay_s / 2, writer.write, data)
            else:
                writer.write(data)
                await writer.drain()


class _Counter:
    """Reads a client's messages: the first has no type, every other a type and a length."""

    def __init__(self, proxy):
        self._proxy = proxy
        self._buffer = b""
        self._is_started = False

    def feed(self, data):
        self._buffer += data
        while len(self._buffer) >= _HEADER:
            at = 1 if self._is_started else 0
            (length,) = struct.unpack_from("!i", self._buffer, at)
            if len(self._buffer) < at + length:
                return
            if self._is_started and self._buffer[:1] in _ROUND_TRIPS:
                self._proxy.round_trips += 1
            self._is_started = True
            self._buffer = self._buffer[at + length :]
