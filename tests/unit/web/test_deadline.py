"""One timer interrupts its own task, and nobody else's end is taken for it."""

import asyncio

import pytest

from gatewayz_auth.web.deadline import Watch


def test_it_interrupts_a_wait_and_leaves_no_trace():
    async def go():
        watch = Watch(0.01)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert watch.interrupted()
        assert not watch.interrupted()
        assert not watch.is_ended_from_outside()
        await asyncio.sleep(0)

    asyncio.run(go())


def test_an_end_from_outside_is_not_taken_for_its_own():
    async def visitor(told):
        watch = Watch(60)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append((watch.interrupted(), watch.is_ended_from_outside()))
            raise
        finally:
            watch.close()

    async def go():
        told = []
        task = asyncio.ensure_future(visitor(told))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told == [(False, True)]

    asyncio.run(go())


def test_both_at_once_count_as_an_end_from_outside():
    async def go():
        task = asyncio.current_task()
        watch = Watch(0)
        asyncio.get_running_loop().call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert not watch.interrupted()
        assert watch.is_ended_from_outside()
        task.uncancel()
        watch.close()

    asyncio.run(go())


@pytest.mark.parametrize(("first", "moved"), [(0.01, 0.05), (60, 0.05)])
def test_it_can_be_moved_later_and_sooner(first, moved):
    async def go():
        loop = asyncio.get_running_loop()
        started = loop.time()
        watch = Watch(first)
        watch.move_to(moved)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert watch.interrupted()
        assert 0.045 <= loop.time() - started < 1

    asyncio.run(go())


def test_closed_it_interrupts_no_more():
    async def go():
        Watch(0.001).close()
        await asyncio.sleep(0.01)

    asyncio.run(go())
