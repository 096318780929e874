"""Connecting to a server that takes the call and says nothing leaves nothing behind, with no help of a collector."""

import asyncio
import contextlib
import gc
from pathlib import Path

import pytest
import uvloop
from tests.support.faults import before_postgres, through_postgres
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.postgres.connection import BoundedConnection

ESTABLISHED = "01"  # in /proc/net/tcp; one that we have closed is something else, whatever the other side has heard


def connections(port):
    """How many connections to ``port`` are held."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == ESTABLISHED for row in rows)


@pytest.fixture
def nobody_collects():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="connections are counted in /proc")
@pytest.mark.usefixtures("nobody_collects")
@pytest.mark.parametrize("how", ["cancelled", "timed out"])
def test_an_attempt_that_fails_closes_its_socket(database_url, how):
    async def attempt(url):
        connecting = asyncio.ensure_future(BoundedConnection.connect(url, connect_timeout=2))
        if how == "cancelled":
            await asyncio.sleep(0.05)
            connecting.cancel()
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await connecting

    async def story(url):
        await asyncio.gather(*(attempt(url) for _ in range(5)))

    with before_postgres(database_url) as proxy:
        proxy.say_nothing()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(story(through_postgres(proxy, database_url)))
        assert wait_until(lambda: proxy.accepted == 5, CLOCK, 5.0)  # the kernel takes them before it does
        assert connections(proxy.port) == 0
