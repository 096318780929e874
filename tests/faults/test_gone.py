"""Clients who hang up at any moment, seen at the real process's sockets."""

import asyncio
import contextlib
import json
import random
from pathlib import Path

import pytest
from tests.support.faults import Line
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until

CLIENTS = 1000
SEED = 20261124
AT_ONCE = 40
KEPT = 8  # the connections to Redis grow with a crowd, up to so many, and stay


def sockets(pid):
    """How many sockets the process holds."""
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(entry.readlink()).startswith("socket:")
    return found


async def hang_up_somewhere(port, body, rng):
    """Send some of the request or all of it, wait a moment or none, and reset the connection."""
    head = f"POST /api/auth HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    request = head + body
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request[: rng.choice((0, len(head), rng.randrange(len(request)), len(request), len(request)))])
    await asyncio.sleep(rng.uniform(0, 0.1))
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def storm(service, bodies, staying):
    """All ``bodies`` hang up, ``staying`` stay on lines of their own; the replies of those."""
    rng = random.Random(SEED)  # noqa: S311 - chance that can be repeated
    room = asyncio.Semaphore(AT_ONCE)

    async def leave(body):
        async with room:
            await hang_up_somewhere(service.serving.port, body, rng)

    async def stay(body):
        line = Line(service.serving.port)
        replies = [await line.ask(body) for _ in range(3)]
        await line.hang_up()
        return replies

    stayed = asyncio.gather(*(stay(body) for body in staying))
    await asyncio.gather(*(leave(body) for body in bodies))
    return await stayed


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="sockets are counted in /proc")
@pytest.mark.parametrize("is_frozen", [False, True], ids=["healthy", "frozen"])
def test_clients_who_hang_up_leave_no_socket_and_nobody_gets_anothers_reply(service, is_frozen):
    service.until_served(10.0)
    known = service.people("known", 20)
    service.sign_in(known)
    pid = service.serving.process.pid
    before = sockets(pid)
    if is_frozen:
        service.postgres.freeze()
    leaving = [*service.people("gone", CLIENTS // 2), *(known * (CLIENTS // 2 // len(known)))]
    assert len(leaving) == CLIENTS
    stayed = asyncio.run(storm(service, leaving, known))
    service.postgres.thaw()
    for body, replies in zip(known, stayed, strict=True):
        assert {reply.status for reply in replies} == {200}, replies
        assert {reply.body["privy_user_id"] for reply in replies} == {json.loads(body)["user"]["id"]}
    service.until_served(4.0)
    assert wait_until(lambda: sockets(pid) <= before + KEPT, CLOCK, 5.0), (sockets(pid), before)
    open_there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatewayz-auth'"
    assert wait_until(lambda: service.sql(open_there)[0][0] <= 10, CLOCK, 5.0)
    assert service.said("A background task failed") == 0
