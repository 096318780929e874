"""A reader of changes that is interrupted tells afterwards what it had read."""

import asyncio
import datetime as dt

import pytest
from tests.support.manual_clock import ManualClock
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.changes import SLOW_LIMIT_S, TRIM_AFTER_S, TRIM_EVERY_S, PostgresChanges
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.abandoned import Abandoned

STANDS = {"era": "1", "snapshot": "1:1:", "at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "horizon": 10,
          "system": "", "timeline": ""}  # fmt: skip
NOTHING = {"xact": None, "kind": None, "user_id": None, "privy_user_id": None, "username": None, "takes_away": None}
TAKING = {"xact": 9, "kind": "gone", "user_id": 7, "privy_user_id": "did:privy:ada", "username": "", "takes_away": 1}


class Pool:
    """Tells the one change until the reader's mark is behind it; its trimming breaks once."""

    def __init__(self):
        self.is_broken = False

    async def rows(self, name, parameters, limit_s):
        if name == "changes_mark":
            return [STANDS | NOTHING]
        if name == "trim_changes":
            if self.is_broken:
                raise RuntimeError("the loop's own")
            return [{"trimmed": 0}]
        if not self.is_broken or parameters["snapshot"] == "2:2:":
            return [STANDS | {"is_gap": False} | NOTHING]
        return [STANDS | {"snapshot": "2:2:", "is_gap": False} | TAKING]


async def call(work, **_):
    return await work()


def test_what_was_read_and_not_told_is_told_by_the_next_reading():
    async def story():
        clock, pool = ManualClock(), Pool()
        reader = PostgresChanges(pool, call, clock, 1.0)
        await reader.read()
        for _ in range(int(TRIM_AFTER_S // TRIM_EVERY_S) + 1):
            clock.advance(TRIM_EVERY_S)
            await reader.read()
        clock.advance(TRIM_EVERY_S)
        pool.is_broken = True
        with pytest.raises(RuntimeError):
            await reader.read()
        return await reader.read()

    assert [change.privy_user_id for change in asyncio.run(story()).changes] == ["did:privy:ada"]


class SlowPool(Pool):
    """Each statement takes it ``takes_s``."""

    takes_s = 0.0

    async def rows(self, name, parameters, limit_s):
        await asyncio.sleep(self.takes_s)
        return await super().rows(name, parameters, limit_s)


@pytest.mark.parametrize("takes_s", [1.2, 2.5])
@in_virtual_time
async def test_what_changes_is_told_also_by_a_database_that_takes_seconds_for_each_statement(takes_s):
    clock, pool = VirtualClock(), SlowPool()
    reader = PostgresChanges(pool, GuardedCall(clock, Abandoned()), clock, 1.0, is_answering=lambda: True)
    await reader.read()
    pool.takes_s, pool.is_broken = takes_s, True  # from now on there is a change
    assert [change.privy_user_id for change in (await reader.read()).changes] == ["did:privy:ada"]


@pytest.mark.parametrize(("is_answering", "limit_s"), [(True, SLOW_LIMIT_S), (False, 1.0)])
@in_virtual_time
async def test_a_database_that_is_away_is_waited_for_no_longer_than_one_that_answers_others(is_answering, limit_s):
    clock, pool = VirtualClock(), SlowPool()
    reader = PostgresChanges(pool, GuardedCall(clock, Abandoned()), clock, 1.0, is_answering=lambda: is_answering)
    await reader.read()
    pool.takes_s = 60.0
    began_s = clock.monotonic_s()
    with pytest.raises(NotKnown):
        await reader.read()
    assert clock.monotonic_s() - began_s == pytest.approx(limit_s)
