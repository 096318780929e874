"""Background tasks start again, say so once, and end with their owner."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from tests.support.seeded_entropy import SeededEntropy
from tests.support.virtual_loop import deaf, in_virtual_time

from gatewayz_auth.reliability.backoff import Backoff
from gatewayz_auth.reliability.facts import TaskRecovered, TaskRestarted
from gatewayz_auth.reliability.supervisor import Supervisor


def _supervisor(facts):
    return Supervisor(SeededEntropy(), facts.append, backoff=Backoff(0.1, 5.0), healthy_after_s=10.0)


@in_virtual_time
async def test_a_task_that_fails_for_an_hour_starts_again_each_time_and_is_two_facts():
    facts, starts = [], []
    loop = asyncio.get_running_loop()

    async def works():
        starts.append(loop.time())
        if loop.time() < 3600:
            raise ConnectionResetError
        await asyncio.sleep(3600)

    supervisor = _supervisor(facts)
    supervisor.start("listen", works)
    await asyncio.sleep(3700)
    assert len(starts) > 700
    assert max(b - a for a, b in itertools.pairwise(starts)) <= 5.001
    assert facts == [
        TaskRestarted("listen", "ConnectionResetError", 1, 0.1),
        TaskRecovered("listen", len(starts) - 1),
    ]
    assert await supervisor.close(1) == ()


@in_virtual_time
async def test_a_task_that_ran_well_for_a_while_starts_again_soon():
    facts, starts = [], []

    async def works():
        starts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(60)
        raise OSError

    supervisor = _supervisor(facts)
    supervisor.start("listen", works)
    await asyncio.sleep(400)
    assert {round(b - a, 1) for a, b in itertools.pairwise(starts)} == {60.1}
    assert len(facts) == 12  # each fall and each recovery is news
    await supervisor.close(1)


@in_virtual_time
async def test_a_cancellation_from_within_is_a_failure_and_one_from_its_owner_is_the_end():
    facts, starts = [], []

    async def works():
        starts.append(1)
        if len(starts) == 1:
            raise asyncio.CancelledError
        await asyncio.sleep(3600)

    supervisor = _supervisor(facts)
    supervisor.start("listen", works)
    await asyncio.sleep(1)
    assert len(starts) == 2
    assert await supervisor.close(1) == ()
    await asyncio.sleep(100)
    assert (len(starts), len(supervisor)) == (2, 0)


@in_virtual_time
async def test_a_task_that_returns_is_done():
    supervisor, starts = _supervisor([]), []

    async def works():
        starts.append(1)

    supervisor.start("once", works)
    await asyncio.sleep(100)
    assert (len(starts), len(supervisor)) == (1, 0)


@in_virtual_time
async def test_closing_does_not_wait_for_the_deaf():
    supervisor = _supervisor([])
    supervisor.start("deaf", lambda: deaf(600))
    await asyncio.sleep(1)
    assert await supervisor.close(2) == ("background:deaf",)
    assert asyncio.get_running_loop().time() == pytest.approx(3)
