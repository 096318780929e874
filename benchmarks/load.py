"""A closed-loop load over keep-alive connections, cheap enough to saturate a pinned worker from the other core."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import uvloop

from gatewayz_auth.adapters.load_lines import post

__all__ = ["Outcome", "fire", "post"]


@dataclass
class Outcome:
    """What a run of requests saw: seconds each took, by status, and how long the whole took."""

    durations_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    elapsed_s: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.durations_s) / self.elapsed_s

    def percentile_s(self, share: float) -> float:
        ordered = sorted(self.durations_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Caller(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next."""

    def __init__(self, requests, outcome: Outcome, done: asyncio.Future) -> None:
        self._requests = requests
        self._outcome = outcome
        self._done = done
        self._buffer = b""
        self._started = 0.0

    def connection_made(self, transport) -> None:
        self._transport = transport

    def begin(self) -> None:
        """Send the first request: when all are connected, or connecting would be measured."""
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        self._started = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        head_end = buffer.find(b"\r\n\r\n")
        if head_end < 0:
            self._buffer = buffer
            return
        at = buffer.lower().find(b"content-length: ", 0, head_end)
        length = int(buffer[at + 16 : buffer.index(b"\r\n", at)]) if at >= 0 else 0
        if len(buffer) < head_end + 4 + length:
            self._buffer = buffer
            return
        self._buffer = b""
        outcome = self._outcome
        outcome.durations_s.append(time.perf_counter() - self._started)
        status = int(buffer[9:12])
        outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
        at = buffer.find(b"x-auth-source: ", 0, head_end)
        if at < 0:
            at = buffer.find(b"X-Auth-Source: ", 0, head_end)
        if at >= 0:
            source = buffer[at + 15 : buffer.index(b"\r\n", at)].decode()
            outcome.sources[source] = outcome.sources.get(source, 0) + 1
        self._next()

    def connection_lost(self, exc) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionResetError("the server hung up"))


async def _run(host: str, port: int, requests: list[bytes], connections: int) -> Outcome:
    loop = asyncio.get_running_loop()
    outcome = Outcome()
    shared = iter(requests)
    callers, ends = [], []
    for _ in range(connections):
        done = loop.create_future()
        _, caller = await loop.create_connection(lambda done=done: _Caller(shared, outcome, done), host, port)
        callers.append(caller)
        ends.append(done)
    started = time.perf_counter()
    for caller in callers:
        caller.begin()
    await asyncio.gather(*ends)
    outcome.elapsed_s = time.perf_counter() - started
    return outcome


def fire(host: str, port: int, requests: list[bytes], connections: int) -> Outcome:
    """Send every one of ``requests`` once over ``connections`` at a time and tell what came back."""
    return uvloop.run(_run(host, port, requests, connections))
