"""Several workers: one that hangs is replaced, and meanwhile the others sign people in."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.faults import Faulted, Line
from tests.support.serving import CLOCK, is_gone, workers

from gatewayz_auth.adapters.child_process import wait_until

POOL = 2
REPLACED_WITHIN_S = 10.0
BOOTS_WITHIN_S = 60.0  # on a machine that does ten other things
HANGS_ON_REQUEST = Path(__file__).with_name("hanging_worker.py")
LATE = Path(__file__).with_name("late_worker.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def world(tmp_path_factory, postgres_server, valkey_server):
    """Two workers over real neighbours."""
    url = postgres_server.database()
    with Faulted(tmp_path_factory.mktemp("workers"), url, valkey_server.url, DATABASE_POOL_SIZE=str(POOL)) as faulted:
        yield faulted.start(workers=2, program=HANGS_ON_REQUEST)
        faulted.serving.end()
    postgres_server.drop(url)


def running(world):
    return workers(world.serving.process.pid)


@pytest.fixture(autouse=True)
def both_serve(world):
    """Each worker has all its connections: nobody is still being started."""
    assert wait_until(lambda: world.postgres.open_links == 2 * POOL, CLOCK, BOOTS_WITHIN_S)


def served_until_replaced(world, lost, people):
    """The replies to people who went on to come while ``lost`` hung, until another stands in its place and serves."""
    replies = []

    def is_replaced():
        replies.extend(world.ask(people))
        return is_gone(lost) and len(running(world)) == 2 and lost not in running(world)

    assert wait_until(is_replaced, CLOCK, REPLACED_WITHIN_S), "it was not replaced"
    return replies


def test_a_stopped_worker_is_replaced_and_nobody_who_comes_meanwhile_notices(world):
    people = world.people("steady", 4)
    assert {reply.status for reply in world.ask(people)} == {200}
    lost = running(world)[0]
    os.kill(lost, signal.SIGSTOP)
    replies = served_until_replaced(world, lost, people)
    assert {reply.status for reply in replies} == {200}
    assert max(reply.promised_s for reply in replies) <= 1.0
    assert world.said("A worker process does not answer and is replaced") == 1


async def asked(port, body):
    """The reply to ``body``, on a new connection where the worker behind the first one ended: any client does that."""
    for _ in range(2):
        line = Line(port)
        try:
            return await line.ask(body)
        except (asyncio.IncompleteReadError, ConnectionError):
            continue
        finally:
            await line.hang_up()
    return pytest.fail("it was answered by nobody")


def test_a_worker_whose_event_loop_hangs_ends_itself_and_is_replaced(world):
    before = running(world)
    people = world.people("steady", 2)

    async def hang():
        line = Line(world.serving.port)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await line.ask(world.body("did:privy:hang"))
            pytest.fail("it did not hang")
        await line.hang_up()

    async def until_replaced():
        hanging = asyncio.ensure_future(hang())
        replies = []
        while not any(map(is_gone, before)) or len(running(world)) < 2:
            replies += await asyncio.gather(*(asked(world.serving.port, body) for body in people))
        await hanging
        return replies

    replies = asyncio.run(asyncio.wait_for(until_replaced(), REPLACED_WITHIN_S))
    assert {reply.status for reply in replies} == {200}
    assert world.said("The event loop is blocked") == 1
    assert world.said("A worker process ended by itself and is replaced") >= 1


def test_a_worker_that_comes_up_after_its_supervisor_is_gone_does_not_serve_on_alone(tmp_path):
    """As on a machine that is so busy that a supervisor is ended before its workers have begun."""
    served = tmp_path / "served"
    settings = {
        "DATABASE_URL": f"postgresql://nobody@/nothing?host={tmp_path}",
        "PRIVY_APP_ID": "an-app",
        "PRIVY_JWKS_URL": "https://keys.invalid/jwks.json",
        "API_KEY_SECRET": "one-of-many-secrets-of-thirty-two-characters",
        "STATE_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    told = tmp_path / "told"
    with told.open("w") as output:  # a file: the worker keeps it open for as long as it lives
        subprocess.run(
            [sys.executable, LATE, served], env=os.environ | settings, cwd=tmp_path, stdout=output, check=True
        )
    worker = int(told.read_text())
    try:
        assert wait_until(lambda: served.exists() or is_gone(worker), CLOCK, BOOTS_WITHIN_S)
        assert is_gone(worker)
        assert not served.exists()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
