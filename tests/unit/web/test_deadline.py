"""One timer interrupts whoever is late, and nobody else's end is taken for it."""

import asyncio

import pytest
from tests.support.withheld import Withheld

from gatewayz_auth.web.deadline import Watches


def test_it_interrupts_a_wait_and_leaves_no_trace():
    async def go():
        watches = Watches()
        watch = watches.start(0.01)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert watch.interrupted()
        assert not watch.interrupted()
        assert not watch.is_ended_from_outside()
        assert len(watches) == 0
        await asyncio.sleep(0)

    asyncio.run(go())


def test_an_end_from_outside_is_not_taken_for_its_own():
    async def visitor(watches, told):
        watch = watches.start(60)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append((watch.interrupted(), watch.is_ended_from_outside()))
            raise
        finally:
            watches.end(watch)

    async def go():
        told = []
        watches = Watches()
        task = asyncio.ensure_future(visitor(watches, told))
        await asyncio.sleep(0)
        assert len(watches) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told == [(False, True)]
        assert len(watches) == 0

    asyncio.run(go())


def test_both_at_once_count_as_an_end_from_outside():
    async def go():
        task = asyncio.current_task()
        watch = Watches().start(0)
        asyncio.get_running_loop().call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert not watch.interrupted()
        assert watch.is_ended_from_outside()
        task.uncancel()

    asyncio.run(go())


@pytest.mark.parametrize(("first", "by"), [(0.01, 0.04), (60, -59.95)])
def test_it_can_be_moved_later_and_sooner(first, by):
    async def go():
        loop = asyncio.get_running_loop()
        started = loop.time()
        watches = Watches()
        watch = watches.start(first)
        watches.move(watch, by)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert watch.interrupted()
        assert 0.045 <= loop.time() - started < 1

    asyncio.run(go())


def test_ended_it_interrupts_no_more():
    async def go():
        watches = Watches()
        watches.end(watches.start(0.001))
        await asyncio.sleep(0.01)

    asyncio.run(go())


async def _late(watches, limit_s):
    loop = asyncio.get_running_loop()
    started = loop.time()
    watch = watches.start(limit_s)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        assert watch.interrupted()
    return loop.time() - started


def test_each_of_many_is_interrupted_at_its_own_limit_whatever_the_order():
    async def go():
        watches = Watches()
        limits, withheld = [0.05, 0.2, 0.01, 0.1, 0.1, 0.02], Withheld()
        took = await asyncio.gather(*(_late(watches, limit_s) for limit_s in limits))
        for limit_s, took_s in zip(limits, took, strict=True):
            assert limit_s - 0.002 <= took_s < limit_s + 0.1 + withheld.seconds

    asyncio.run(go())


def test_one_who_starts_while_the_timer_is_set_for_somebody_gone_is_interrupted_on_time():
    async def go():
        watches = Watches()
        withheld = Withheld()
        watches.end(watches.start(0.03))
        assert 0.048 <= await _late(watches, 0.05) < 0.2 + withheld.seconds

    asyncio.run(go())


def test_it_starts_anew_on_another_loop():
    watches = Watches()

    async def left_behind():
        watches.start(60)

    asyncio.run(left_behind())
    assert asyncio.run(_late(watches, 0.01)) < 1
