"""What a gap does to a full memory it does in less time than filling it took: callers wait meanwhile."""

import time

import pytest
from tests.support.cache_world import World, cache_over
from tests.support.key_world import World as KeyWorld
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.domain.changes import Change
from gatewayz_auth.domain.key_holder import KeyHolder
from gatewayz_auth.service.key_cache import MAX_KEYS, RememberedKey
from gatewayz_auth.service.process_cache import MAX_ENTRIES, Remembered

TAKEN = [Change(300, n, f"did:privy:p{n}", f"p{n}", takes_away=True) for n in range(5_001)]
GAPS = [(TAKEN, 300, 300), (TAKEN, 400, 0), ([], 90, 0)]
"""More takings than are told by name; as many as are; and versions of a past that is lost."""


@pytest.mark.parametrize(("taken", "version", "floor"), GAPS)
@in_virtual_time
async def test_people(taken, version, floor):
    cache = cache_over(World(VirtualClock()), None)
    cache.catch_up([], 100, 0)
    began_s = time.thread_time()
    for n in range(MAX_ENTRIES):
        entry = Remembered(n, b"x", 0.0, 100, 1e9, has_key=True, lacks=0)
        cache.process.put(f"did:privy:p{n}", "live", entry)
    filled_s = time.thread_time() - began_s
    began_s = time.thread_time()
    cache.catch_up(taken, version, floor)
    assert time.thread_time() - began_s < filled_s
    assert len(cache.process) == (MAX_ENTRIES - len(taken) if version == 400 else 0)
    assert all(entry.fresh_until_s == 0.0 for entry in cache.process.entries())


@pytest.mark.parametrize(("taken", "version", "floor"), GAPS)
@in_virtual_time
async def test_keys(taken, version, floor):
    check = KeyWorld().check
    check.catch_up([], 100, 0)
    holders = [KeyHolder(n, None, "live", f"did:privy:p{n}", "basic") for n in range(MAX_KEYS)]
    began_s = time.thread_time()
    for n, holder in enumerate(holders):
        check.remembered.put(n.to_bytes(32, "big"), RememberedKey(holder, 0.0, 1e9, 100))
    filled_s = time.thread_time() - began_s
    began_s = time.thread_time()
    check.catch_up(taken, version, floor)
    assert time.thread_time() - began_s < filled_s
    assert len(check.remembered) == (MAX_KEYS - len(taken) if version == 400 else 0)
