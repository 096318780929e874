"""Every task has an owner, a bound and an end."""

from __future__ import annotations

import asyncio
import gc

import pytest
from tests.support.virtual_loop import deaf, in_virtual_time

from gatewayz_auth.domain.errors import Overloaded
from gatewayz_auth.reliability.facts import TaskFailed
from gatewayz_auth.reliability.owned_tasks import OwnedTasks


@in_virtual_time
async def test_one_more_than_the_bound_is_refused_and_leaves_no_coroutine_behind():
    tasks = OwnedTasks("jobs", 2)
    for _ in range(2):
        tasks.spawn(asyncio.sleep(1), "nap")
    with pytest.raises(Overloaded, match="jobs has 2 tasks"):
        tasks.spawn(asyncio.sleep(1), "nap")
    gc.collect()  # a coroutine never awaited would warn, and a warning is an error
    await asyncio.sleep(1.1)
    assert len(tasks) == 0
    tasks.spawn(asyncio.sleep(0), "nap")


@in_virtual_time
async def test_a_task_nobody_else_holds_is_not_lost_to_the_garbage_collector():
    tasks, done = OwnedTasks("jobs", 2), []

    async def work():
        await asyncio.get_running_loop().create_future()

    task = tasks.spawn(work(), "waits on what only it knows")
    task.add_done_callback(done.append)
    del task
    gc.collect()
    await asyncio.sleep(1)
    assert (len(tasks), done) == (1, [])


@in_virtual_time
async def test_a_failure_is_told_and_not_left_to_the_garbage_collector():
    facts = []
    tasks = OwnedTasks("jobs", 2, facts.append)

    async def breaks():
        raise ValueError("secret")

    tasks.spawn(breaks(), "fragile")
    await asyncio.sleep(0.1)
    assert facts == [TaskFailed("jobs", "jobs:fragile", "ValueError")]


@in_virtual_time
async def test_closing_waits_no_longer_than_its_limit_and_takes_nothing_more():
    tasks = OwnedTasks("jobs", 5)
    tasks.spawn(asyncio.sleep(60), "listens")
    tasks.spawn(deaf(60), "deaf")
    await asyncio.sleep(0.1)
    assert await tasks.close(1) == ("jobs:deaf",)
    assert asyncio.get_running_loop().time() == pytest.approx(1.1)
    with pytest.raises(Overloaded, match="is closed"):
        tasks.spawn(asyncio.sleep(0), "late")


@in_virtual_time
async def test_an_owner_that_is_closed_by_one_of_its_own_does_not_wait_for_that_one():
    tasks, said = OwnedTasks("jobs", 5), []

    async def closes():
        said.append(await tasks.close(1))

    await tasks.spawn(closes(), "closes")
    assert said == [()]
