"""An open load: callers come when the plan says, whether or not those before them were answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from drill.calls import Call, Ping, Seen, Source
from drill.people import privy_id
from drill.plan import GIVES_UP_S
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.service.load_plan import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewayz_auth.service.load_plan import Arrival

_CLOCK = SystemClock()
_PING_EACH_S = 0.25
_PING_LIMIT_S = 2.0
_OK = 200
_SOURCES = {401: Source.REFUSED, 403: Source.REFUSED, 503: Source.LATER, 429: Source.LATER}


async def exchange(port: int, verb: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], Any]:
    """One question on a connection of its own: status, headers, JSON."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"{verb} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        first, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        text = await reader.readexactly(int(headers.get("content-length", 0)))
    finally:
        writer.close()
    with contextlib.suppress(ValueError):
        return int(first.split()[1]), headers, json.loads(text)
    return int(first.split()[1]), headers, None


class Callers:
    """Those who call the program at ``port``; ``known`` is the id that each returning person has there."""

    def __init__(self, port: int, alive_path: str, known: dict[str, int]) -> None:
        """Nobody has called yet."""
        self._port = port
        self._alive_path = alive_path
        self._known = dict(known)
        self._owners = {user_id: who for who, user_id in known.items()}
        self._calls: list[Call] = []
        self._pings: list[Ping] = []
        self._late_s = 0.0

    def seen(self) -> Seen:
        """What they saw, in the order in which they came."""
        calls = sorted(self._calls, key=lambda call: call.at_s)
        return Seen(tuple(calls), tuple(sorted(self._pings, key=lambda ping: ping.at_s)), self._late_s)

    async def call(self, arrival: Arrival, body: bytes, began_s: float) -> None:
        """Be one caller, from the instant at which it was to come until it is answered or gives up."""
        due_s = began_s + arrival.at_s
        self._late_s = max(self._late_s, _CLOCK.monotonic_s() - due_s)
        status, source, is_wrong = 0, Source.NOTHING, False
        with contextlib.suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(due_s + GIVES_UP_S - _CLOCK.monotonic_s()):
                status, headers, said = await exchange(self._port, "POST", "/api/auth", body)
                source = _source(status, headers)
                is_wrong = self._is_wrong(arrival, status, said)
        waited_s = _CLOCK.monotonic_s() - due_s
        self._calls.append(Call(arrival.kind, arrival.at_s, waited_s, source, status, is_wrong))

    def _is_wrong(self, arrival: Arrival, status: int, said: Any) -> bool:  # noqa: ANN401 - somebody's JSON
        if arrival.kind is Kind.FORGED:
            return status == _OK
        if status != _OK:
            return status in {401, 403}
        who = privy_id(arrival.kind, arrival.person)
        user_id = said["user_id"]
        is_theirs = self._owners.setdefault(user_id, who) == who and self._known.setdefault(who, user_id) == user_id
        return not (is_theirs and said["privy_user_id"] == who and said["api_key"])

    async def ping(self, at_s: float, began_s: float) -> None:
        """Ask once whether the process is alive."""
        waited_s = None
        with contextlib.suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_PING_LIMIT_S):
                status, _, _ = await exchange(self._port, "GET", self._alive_path)
                waited_s = _CLOCK.monotonic_s() - began_s - at_s if status == _OK else None
        self._pings.append(Ping(at_s, waited_s))

    async def keep_pinging(self, seconds: float, began_s: float) -> None:
        """Ask four times a second, whether or not the last one was answered."""
        async with asyncio.TaskGroup() as group:
            for turn in range(int(seconds / _PING_EACH_S)):
                await until(began_s + turn * _PING_EACH_S)
                group.create_task(self.ping(turn * _PING_EACH_S, began_s))


def _source(status: int, headers: dict[str, str]) -> Source:
    if status == _OK:
        return Source(headers.get("x-auth-source", Source.DATABASE))
    return _SOURCES.get(status, Source.NOTHING)


async def until(instant_s: float) -> None:
    """Return at ``instant_s`` of the monotonic clock."""
    await asyncio.sleep(max(0.0, instant_s - _CLOCK.monotonic_s()))


async def come(callers: Sequence[Callers], arrivals: list[Arrival], bodies: list[bytes], began_s: float) -> None:
    """Let everybody come to each of the programs at the same instants; return when the last has left."""
    async with asyncio.TaskGroup() as group:
        for arrival, body in zip(arrivals, bodies, strict=True):
            await until(began_s + arrival.at_s)
            for of_one in callers:
                group.create_task(of_one.call(arrival, body, began_s))
