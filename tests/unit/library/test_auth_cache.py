"""The library's cache: plain calls from anywhere, exact values, no error whatever Redis does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from decimal import Decimal

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from tests.support.faulty_proxy import FaultyProxy
from tests.support.people import person
from tests.support.withheld import Stopwatch

from gatewayz_auth import auth_cache
from gatewayz_auth.adapters.redis import library
from gatewayz_auth.adapters.redis.cache import RedisCache
from gatewayz_auth.adapters.redis.codec import Codec
from gatewayz_auth.adapters.redis.plain_values import from_json, to_json
from gatewayz_auth.adapters.redis.sealing import SERVICE_PURPOSE, Sealer, sealing_keys
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy

ADA = "did:privy:ada"
USER = {
    "id": 7,
    "username": "ada",
    "credits": Decimal("3.50"),
    "created_at": datetime(2026, 1, 1, 12, 30, tzinfo=UTC),
    "trial": date(2026, 1, 4),
    "at": time_of_day(12, 30),
    "uuid": uuid.UUID(int=1),
    "raw": b"\x00\xff",
    "tags": ["a", None, True, 1.5, {"$decimal": "no, this is the user's own"}],
    "huge": 2**80,
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.decimals(allow_nan=False)
    | st.datetimes() | st.dates() | st.uuids() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["$uuid", "$dict", "$date"]), inner),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_every_value_comes_back_equal_and_of_its_type(value):
    back = from_json(to_json(value))
    assert back == value
    assert type(back) is type(value)


@given(st.binary(max_size=60))
def test_garbage_is_one_of_three_errors(garbage):
    with contextlib.suppress(ValueError, TypeError, ArithmeticError):
        from_json(garbage)


def test_what_was_put_comes_back_and_is_the_callers_own(cache):
    assert cache.cache_user_by_privy_id(ADA, USER) is True
    assert cache.cache_user_by_username("ada", USER) is True
    found = cache.get_cached_user_by_privy_id(ADA)
    assert found == USER
    found["id"] = 8
    assert cache.get_cached_user_by_privy_id(ADA) == USER
    assert cache.get_cached_user_by_username("ada") == USER
    assert cache.get_cached_user_by_privy_id("did:privy:eve") is None


def test_the_twins_do_the_same_on_any_loop(cache):
    async def scenario():
        assert await cache.acache_user_by_privy_id(ADA, USER) is True
        assert await cache.acache_user_by_username("ada", USER) is True
        assert await cache.aget_cached_user_by_privy_id(ADA) == USER
        assert await cache.aget_cached_user_by_username("ada") == USER
        assert cache.get_cached_user_by_privy_id(ADA) == USER, "the plain one works within a running loop"
        assert await cache.ainvalidate_user_cache(privy_id=ADA, username="ada") is True
        assert await cache.aget_cached_user_by_privy_id(ADA) is None

    for _ in range(2):
        asyncio.run(scenario())


def test_keys_and_lifetimes_are_those_of_the_contract_and_nothing_stands_in_clear(cache, redis_url):
    cache.cache_user_by_privy_id(ADA, USER)
    cache.cache_user_by_username("ada", USER)
    with redis.Redis.from_url(redis_url) as by_hand:
        assert sorted(by_hand.scan_iter()) == [b"auth:privy_id:did:privy:ada", b"auth:username:ada"]
        assert 265_000 < by_hand.pttl("auth:privy_id:did:privy:ada") <= 300_000
        assert b"2026" not in by_hand.get("auth:privy_id:did:privy:ada")


def test_invalidating_takes_what_is_named_and_nothing_else(cache):
    for name in ("ada", "eve"):
        cache.cache_user_by_privy_id(f"did:privy:{name}", USER)
        cache.cache_user_by_username(name, USER)
    assert cache.invalidate_user_cache(username="ada") is True
    assert cache.get_cached_user_by_username("ada") is None
    assert cache.get_cached_user_by_privy_id(ADA) == USER
    assert cache.invalidate_user_cache(ADA) is True
    assert cache.get_cached_user_by_privy_id(ADA) is None
    assert cache.get_cached_user_by_username("eve") == USER
    assert cache.invalidate_user_cache() is False


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_lifetime_of_zero_turns_caching_off(cache, monkeypatch, ttl):
    cache.cache_user_by_privy_id(ADA, USER)
    monkeypatch.setattr(auth_cache, "AUTH_CACHE_TTL", ttl)
    assert cache.get_cached_user_by_privy_id(ADA) is None
    assert cache.cache_user_by_privy_id(ADA, USER) is False
    assert cache.invalidate_user_cache(ADA) is True


def test_the_lifetime_may_come_from_the_environment(cache, monkeypatch, redis_url):
    monkeypatch.setenv("AUTH_CACHE_TTL", "60")
    cache.cache_user_by_privy_id(ADA, USER)
    with redis.Redis.from_url(redis_url) as by_hand:
        assert 50_000 < by_hand.pttl(f"auth:privy_id:{ADA}") <= 60_000
    monkeypatch.setenv("AUTH_CACHE_TTL", "0")
    assert cache.get_cached_user_by_privy_id(ADA) is None


@pytest.mark.parametrize(
    "user",
    [{"f": object()}, {1: "x"}, {"big": "x" * 20_000}, ["no", "dict"], None, {"s": {1, 2}}],
    ids=["object", "number", "big", "list", "none", "set"],
)
def test_what_cannot_be_remembered_is_false_and_no_error(cache, user):
    assert cache.cache_user_by_privy_id(ADA, user) is False
    assert cache.get_cached_user_by_privy_id(ADA) is None


def test_a_dictionary_that_holds_itself_is_false_and_no_error(cache):
    user = {}
    user["self"] = user
    assert cache.cache_user_by_privy_id(ADA, user) is False


@pytest.mark.parametrize("name", ["", None, "x" * 600, "a\nb", "\ud800", 7])
def test_a_name_that_is_none_is_a_miss_and_no_error(cache, name):
    assert cache.cache_user_by_privy_id(name, USER) is False
    assert cache.get_cached_user_by_username(name) is None
    assert cache.invalidate_user_cache(privy_id=name) is False


def spoil(redis_url, how):
    key = f"auth:privy_id:{ADA}"
    with redis.Redis.from_url(redis_url) as by_hand:
        value = by_hand.get(key)
        by_hand.delete(key)
        if how == "list":
            by_hand.rpush(key, "x")
        elif how == "moved":
            by_hand.set(key, by_hand.get("auth:privy_id:did:privy:eve"))
        else:
            by_hand.set(key, {"altered": value[:-1] + b"\x00", "huge": b"x" * 5_000_000, "json": b'{"id": 7}'}[how])


@pytest.mark.parametrize("how", ["altered", "huge", "json", "list", "moved"])
def test_a_spoilt_value_is_a_miss(cache, redis_url, how):
    cache.cache_user_by_privy_id(ADA, USER)
    cache.cache_user_by_privy_id("did:privy:eve", USER)
    spoil(redis_url, how)
    assert cache.get_cached_user_by_privy_id(ADA) is None
    assert cache.get_cached_user_by_privy_id("did:privy:eve") == USER


def test_the_service_takes_the_librarys_values_for_misses_and_the_other_way_round(cache, redis_url):
    cache.cache_user_by_privy_id(ADA, USER)

    async def scenario():
        entropy = SystemEntropy()
        codec = Codec(Sealer(sealing_keys(("s" * 40,), SERVICE_PURPOSE), entropy))
        service = RedisCache(
            redis_url, codec, SystemClock(), entropy, ttl_s=300, last_known_good_max_age_s=86400, limit_s=2.0
        )
        assert await service.get(ADA) is None
        assert await service.store(person(as_of_s=SystemClock().utc_now_s()))
        assert await cache.aget_cached_user_by_privy_id(ADA) is None
        assert (await service.get(ADA)).account.username == "ada"
        assert await cache.ainvalidate_user_cache(ADA, "ada") is True
        assert await service.get(ADA) is None, "the last known good one went too"
        await service.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("missing", ["REDIS_URL", "API_KEY_SECRET"])
def test_without_a_setting_nothing_is_cached_and_that_is_said_once(cache, monkeypatch, caplog, missing):
    monkeypatch.delenv(missing)
    for _ in range(3):
        assert cache.cache_user_by_privy_id(ADA, USER) is False
        assert cache.get_cached_user_by_privy_id(ADA) is None
        assert cache.invalidate_user_cache(ADA) is False
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"Nothing is cached: {missing} is missing" + (" or too short" if "KEY" in missing else "")]


@pytest.mark.parametrize("url", ["http://example.com", "nonsense", "redis://example.com:port"])
def test_a_bad_address_is_said_and_not_repeated(cache, monkeypatch, caplog, url):
    monkeypatch.setenv("REDIS_URL", url)
    assert cache.get_cached_user_by_privy_id(ADA) is None
    assert "REDIS_URL" in caplog.text
    assert url not in caplog.text


def test_hits_and_misses_are_logged_in_the_words_of_the_contract(cache, caplog):
    cache.cache_user_by_privy_id(ADA, USER)
    cache.cache_user_by_username("ada", USER)
    with caplog.at_level(logging.INFO, "gatewayz_auth"):
        cache.get_cached_user_by_privy_id(ADA)
        cache.get_cached_user_by_username("ada")
        cache.get_cached_user_by_privy_id("did:privy:eve")
        cache.get_cached_user_by_username("eve")
    assert [record.getMessage() for record in caplog.records] == [
        "Cache hit for Privy ID: did:privy:ada",
        "Cache hit for username: ada",
        "Cache miss for Privy ID, querying database...",
    ]


def test_a_hundred_threads_at_once_each_get_their_own(cache):
    for number in range(20):
        assert cache.cache_user_by_privy_id(f"did:privy:p{number}", {"id": number})
    wrong = []

    def ask(number):
        found = cache.get_cached_user_by_privy_id(f"did:privy:p{number}")
        if found is not None and found["id"] != number:
            wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number % 20,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FAULTS = {
    "frozen": FaultyProxy.freeze,
    "refused": FaultyProxy.refuse,
    "reset": FaultyProxy.reset,
    "silent": lambda proxy: (proxy.reset(), proxy.say_nothing()),
    "dripping": lambda proxy: proxy.drip(0.02),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_redis_in_trouble_is_false_and_none_within_fifty_milliseconds(no_settings, redis_url, monkeypatch, fault):
    monkeypatch.setenv("API_KEY_SECRET", "s" * 40)
    with FaultyProxy(redis_url.removeprefix("unix://").split("?", maxsplit=1)[0]) as proxy:
        monkeypatch.setenv("REDIS_URL", f"redis://{proxy.host}:{proxy.port}/0")
        until(lambda: auth_cache.cache_user_by_privy_id(ADA, USER))
        FAULTS[fault](proxy)
        waits = []
        for _ in range(4):
            took = Stopwatch()
            if fault != "reset":
                assert auth_cache.get_cached_user_by_privy_id(ADA) is None
                assert auth_cache.cache_user_by_privy_id(ADA, USER) is False
                assert auth_cache.invalidate_user_cache(ADA) is False
            waits.append(took.seconds / 3)
        assert max(waits) < 0.15, "50 ms, and room for a busy machine"
        proxy.thaw()
        until(lambda: auth_cache.cache_user_by_privy_id(ADA, USER))
        until(lambda: auth_cache.get_cached_user_by_privy_id(ADA) == USER)
        monkeypatch.delenv("REDIS_URL")
        library._plain_cache()


def until(is_so, limit_s=10.0):
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end
        threading.Event().wait(0.01)


def test_a_dead_redis_is_not_asked_by_everybody(no_settings, redis_url, monkeypatch):
    monkeypatch.setenv("API_KEY_SECRET", "s" * 40)
    with FaultyProxy(redis_url.removeprefix("unix://").split("?", maxsplit=1)[0]) as proxy:
        proxy.freeze()
        monkeypatch.setenv("REDIS_URL", f"redis://{proxy.host}:{proxy.port}/0")
        took = Stopwatch()
        for _ in range(60):
            assert auth_cache.get_cached_user_by_privy_id(ADA) is None
        assert took.seconds < 1.5, "sixty times 50 ms would be 3 s"
        monkeypatch.delenv("REDIS_URL")
        library._plain_cache()


def test_the_end_of_the_process_waits_for_nothing(redis_url):
    program = f"""
import os
os.environ["REDIS_URL"], os.environ["API_KEY_SECRET"] = {redis_url!r}, "s" * 40
from gatewayz_auth import auth_cache
for _ in range(100):
    if auth_cache.cache_user_by_privy_id("did:privy:ada", {{"id": 7}}):
        break
print(auth_cache.get_cached_user_by_privy_id("did:privy:ada"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in {"{'id': 7}\n", "None\n"}
