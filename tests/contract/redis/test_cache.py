"""The shared cache on real servers: it remembers, it trusts nobody, and it costs nothing when it is away."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from tests.support.manual_clock import ManualClock
from tests.support.people import person
from tests.support.shared_cache import run

from gatewayz_auth.adapters.redis.codec import (
    MAX_VALUE_BYTES,
    last_known_good_key,
    privy_id_key,
    username_key,
)
from gatewayz_auth.domain.errors import QueryTimeoutError

ADA, EVE = "did:privy:ada", "did:privy:eve"
KEYS = (privy_id_key(ADA), username_key("ada"), last_known_good_key(ADA))


def test_what_was_put_comes_back_by_privy_id_and_by_username(any_redis_url):
    async def scenario(cache):
        remembered = person()
        assert await cache.store(remembered)
        assert await cache.get(ADA) == remembered
        assert await cache.get_by_username("Ada") == remembered
        assert await cache.get_last_known_good(ADA) == remembered
        assert await cache.get(EVE) is None
        assert await cache.get_by_username("eve") is None

    run(scenario, any_redis_url)


def test_only_keys_of_the_contract_are_written_and_nothing_in_clear(any_redis_url, by_hand):
    run(lambda cache: cache.store(person()), any_redis_url)
    assert sorted(key.decode() for key in by_hand.scan_iter()) == sorted(KEYS)
    for key in KEYS:
        assert b"example.com" not in by_hand.get(key)
        assert b"gw_" not in by_hand.get(key)


def test_jitter_only_shortens_a_time_to_live(any_redis_url, by_hand):
    async def scenario(cache):
        for number in range(50):
            assert await cache.store(person(f"p{number}"))

    run(scenario, any_redis_url)
    fresh = [by_hand.pttl(privy_id_key(f"did:privy:p{number}")) for number in range(50)]
    good = [by_hand.pttl(last_known_good_key(f"did:privy:p{number}")) for number in range(50)]
    assert all(269_000 < left <= 300_000 for left in fresh)
    assert all(77_700_000 < left <= 86_400_000 for left in good)
    assert max(fresh) - min(fresh) > 10_000


def test_a_value_lives_only_as_long_as_it_is_fresh_from_when_it_was_true(any_redis_url, by_hand):
    clock = ManualClock()

    async def scenario(cache):
        assert await cache.store(person(as_of_s=clock.utc_now_s() - 200))
        assert by_hand.pttl(KEYS[0]) <= 100_000
        assert await cache.store(person("bob", as_of_s=clock.utc_now_s() - 400))

    run(scenario, any_redis_url, clock=clock)
    assert not by_hand.exists(privy_id_key("did:privy:bob"))
    assert by_hand.exists(last_known_good_key("did:privy:bob"))


def test_past_its_time_an_answer_is_only_last_known_good_and_in_the_end_nothing(any_redis_url, by_hand):
    clock = ManualClock()

    async def scenario(cache):
        remembered = person(as_of_s=clock.utc_now_s())
        await cache.put(remembered)
        for key in KEYS:
            by_hand.persist(key)  # somebody prolongs its life in Redis
        clock.advance(301)
        assert await cache.get_by_username("ada") is None
        found = await cache.get(ADA)
        assert found == remembered
        assert found.age_s(clock.utc_now_s()) == 301
        clock.advance(86_100)
        assert await cache.get(ADA) is None

    run(scenario, any_redis_url, clock=clock)


def test_an_answer_from_the_future_is_a_miss(any_redis_url):
    clock = ManualClock()

    async def scenario(cache):
        await cache.put(person(as_of_s=clock.utc_now_s() + 60))
        assert await cache.get(ADA) is None

    run(scenario, any_redis_url, clock=clock)


def test_forgetting_takes_the_fresh_answer_and_the_last_known_good_one_where_it_must(any_redis_url):
    async def scenario(cache):
        await cache.put(person())
        assert await cache.forget(ADA, "ada", also_last_known_good=False)
        assert await cache.get_by_username("ada") is None
        assert (await cache.get(ADA)).account.username == "ada", "the last known good one"
        assert await cache.forget(ADA, "ada", also_last_known_good=True)
        assert await cache.get(ADA) is None
        await cache.put(person())
        assert await cache.invalidate(ADA, "ada")
        assert await cache.get(ADA) is None
        assert await cache.get_last_known_good(ADA) is None
        assert not await cache.invalidate()

    run(scenario, any_redis_url)


def spoil_with_garbage(by_hand, key):
    by_hand.set(key, b"\x01" + bytes(range(256)))


def spoil_with_five_megabytes(by_hand, key):
    by_hand.set(key, b"x" * 5_000_000)


def spoil_with_a_list(by_hand, key):
    by_hand.delete(key)
    by_hand.rpush(key, "x")


def spoil_with_a_hash(by_hand, key):
    by_hand.delete(key)
    by_hand.hset(key, "a", "b")


def spoil_with_another_version(by_hand, key):
    value = by_hand.get(key)
    by_hand.set(key, b"\x02" + value[1:])


def spoil_with_one_altered_bit(by_hand, key):
    value = bytearray(by_hand.get(key))
    value[-1] ^= 1
    by_hand.set(key, bytes(value))


def spoil_with_another_persons_value(by_hand, key):
    by_hand.set(key, by_hand.get(key.replace("ada", "eve")))


def spoil_with_the_value_of_another_key(by_hand, key):
    if key == KEYS[2]:
        by_hand.delete(key)  # the last of the three, and by now at the other two
    else:
        by_hand.set(key, by_hand.get(KEYS[2]))


def spoil_with_plain_json(by_hand, key):
    by_hand.set(key, b'{"account": {"privy_user_id": "did:privy:ada"}, "as_of_s": 1700000000}')


def spoil_with_nothing(by_hand, key):
    by_hand.set(key, b"")


@pytest.mark.parametrize(
    "spoil",
    [value for name, value in sorted(globals().items()) if name.startswith("spoil_with")],
    ids=lambda spoil: spoil.__name__,
)
def test_whatever_else_stands_at_a_key_is_a_miss_and_is_healed_by_the_next_put(any_redis_url, by_hand, spoil):
    errors = []

    async def scenario(cache):
        await cache.put(person())
        await cache.put(person("eve"))
        for key in KEYS:
            spoil(by_hand, key)
        assert await cache.get(ADA) is None
        assert await cache.get_by_username("ada") is None
        assert await cache.get_last_known_good(ADA) is None
        assert (await cache.get(EVE)).account.username == "eve"
        assert errors == []
        await cache.put(person())
        assert (await cache.get(ADA)).account.username == "ada"

    run(scenario, any_redis_url, on_error=lambda: errors.append(1))


def test_of_five_megabytes_no_more_than_the_cap_is_ever_transferred(any_redis_url, by_hand):
    by_hand.set(KEYS[0], b"x" * 5_000_000)

    async def scenario(cache):
        return await cache._read(KEYS[0])

    (value,) = run(scenario, any_redis_url)
    assert len(value) == MAX_VALUE_BYTES + 1


def test_a_time_to_live_of_zero_turns_everything_off(any_redis_url, by_hand):
    async def scenario(cache):
        await cache.put(person())
        cache.ttl_s = 0
        assert await cache.get(ADA) is None
        assert await cache.get_by_username("ada") is None
        assert await cache.get_last_known_good(ADA) is None
        assert not await cache.store(person("bob"))
        assert await cache.invalidate(ADA, "ada"), "what is there may still be dropped"

    run(scenario, any_redis_url)
    assert by_hand.dbsize() == 0


def test_without_last_known_good_none_is_written(any_redis_url, by_hand):
    async def scenario(cache):
        assert await cache.store(person())
        assert await cache.get(ADA) is not None

    run(scenario, any_redis_url, last_known_good_max_age_s=0)
    assert not by_hand.exists(KEYS[2])


def test_a_person_without_a_privy_id_is_not_remembered(any_redis_url, by_hand):
    run(lambda cache: cache.store(person(privy_user_id=None)), any_redis_url)
    assert by_hand.dbsize() == 0


def test_a_name_that_is_no_text_is_a_miss(any_redis_url):
    assert run(lambda cache: cache.get_by_username("\ud800"), any_redis_url) is None


DIGEST, OTHER = b"d" * 32, b"e" * 32


def test_whose_an_api_key_is_comes_back_and_nothing_of_it_stands_in_clear(any_redis_url, by_hand):
    async def scenario(cache):
        assert await cache.put_key_owner(DIGEST, ADA)
        assert await cache.key_owner(DIGEST) == ADA
        assert await cache.key_owner(OTHER) is None
        (key,) = by_hand.scan_iter()
        assert key == f"auth:api_key:{DIGEST.hex()}".encode()
        assert ADA.encode() not in by_hand.get(key)
        assert 77_700_000 < by_hand.pttl(key) <= 86_400_000
        by_hand.copy(key, f"auth:api_key:{OTHER.hex()}")
        assert await cache.key_owner(OTHER) is None, "bound to its place"
        by_hand.set(key, b"x" * 100)
        assert await cache.key_owner(DIGEST) is None
        by_hand.delete(key)
        by_hand.lpush(key, "a list")
        assert await cache.key_owner(DIGEST) is None
        assert await cache.forget_keys([DIGEST, OTHER])
        assert list(by_hand.scan_iter()) == []

    run(scenario, any_redis_url)


def test_whose_an_api_key_is_is_not_kept_where_nothing_is(any_redis_url, by_hand):
    async def scenario(cache):
        cache.last_known_good_max_age_s = 0.0
        assert not await cache.put_key_owner(DIGEST, ADA)
        assert await cache.forget_keys([])

    run(scenario, any_redis_url)
    assert list(by_hand.scan_iter()) == []


def test_everything_of_ours_can_be_forgotten_and_nothing_of_others_is(any_redis_url, by_hand):
    by_hand.set("another", "program's")

    async def scenario(cache):
        for number in range(700):
            assert await cache.store(person(f"p{number}"))
        assert await cache.forget_everything()
        assert await cache.get("did:privy:p0") is None

    run(scenario, any_redis_url)
    assert list(by_hand.scan_iter()) == [b"another"]


def test_only_what_has_not_seen_a_change_can_be_forgotten_of_everybody(any_redis_url, by_hand):
    by_hand.set("auth:last_known_good:did:privy:x", "what cannot be read")

    async def scenario(cache):
        assert await cache.put_key_owner(DIGEST, ADA)
        for number in range(250):
            assert await cache.store(dataclasses.replace(person(f"p{number}"), change_version=number))
        assert await cache.forget_everything(100)
        kept = [number for number in range(250) if await cache.get(f"did:privy:p{number}") is not None]
        assert kept == list(range(100, 250))
        assert await cache.key_owner(DIGEST) == ADA

    run(scenario, any_redis_url)
    assert len(list(by_hand.scan_iter())) == 3 * 150 + 1


def test_only_what_was_asked_for_in_some_time_can_be_forgotten_of_everybody(any_redis_url):
    clock = ManualClock()
    now_s = clock.utc_now_s()

    async def scenario(cache):
        assert await cache.put_key_owner(DIGEST, ADA)
        for number in range(250):
            assert await cache.store(dataclasses.replace(person(f"p{number}"), as_of_s=now_s - number))
        assert await cache.forget_everything(0, (now_s - 149, now_s - 100))
        kept = [number for number in range(250) if await cache.get(f"did:privy:p{number}") is not None]
        assert kept == [*range(100), *range(150, 250)]
        assert await cache.key_owner(DIGEST) == ADA

    run(scenario, any_redis_url, clock=clock)


def test_everything_can_be_forgotten_where_one_step_of_many_comes_too_late(redis_url, by_hand):
    steps = 0

    async def late_now_and_then(work, operation):
        nonlocal steps
        steps += operation == "forget everything"
        if operation == "forget everything" and steps % 3 == 0:
            raise QueryTimeoutError("timeout exceeded 0.05s", operation=operation, timeout_s=0.05)
        return await work()

    async def scenario(cache):
        for number in range(700):
            assert await cache.store(person(f"p{number}"))
        assert await cache.forget_everything()

    run(scenario, redis_url, guard=late_now_and_then)
    assert steps > 6
    assert list(by_hand.scan_iter()) == []


def test_two_hundred_readers_at_once_each_get_their_own_person(any_redis_url):
    async def scenario(cache):
        people = [person(f"p{number}", user_id=number) for number in range(200)]
        for each in people:
            await cache.put(each)
        found = await asyncio.gather(*(cache.get(f"did:privy:p{number}") for number in range(200)))
        assert found == people
        assert cache.pool_stats()[0] == 0

    run(scenario, any_redis_url, limit_s=5.0)


def test_readers_who_leave_take_nobody_along_and_nobody_gets_anothers_answer(any_redis_url):
    async def scenario(cache):
        for number in range(20):
            await cache.put(person(f"p{number}", user_id=number))

        async def impatient(number):
            task = asyncio.ensure_future(cache.get(f"did:privy:p{number % 20}"))
            for _ in range(number % 7):
                await asyncio.sleep(0)
            if number % 3 == 0:
                task.cancel()
            try:
                found = await task
            except asyncio.CancelledError:
                return
            assert found.account.user_id == number % 20

        for _ in range(10):
            await asyncio.gather(*(impatient(number) for number in range(60)))

    run(scenario, any_redis_url, limit_s=5.0)


def test_it_tells_how_many_keys_there_are_and_how_many_were_dropped(any_redis_url):
    async def scenario(cache):
        before, dropped = await cache.sizes()
        await cache.put(person("p1", user_id=1))
        assert await cache.sizes() == (before + 3, dropped)

    run(scenario, any_redis_url, limit_s=5.0)


def test_it_tells_whether_anybody_could_be_signed_in_from_it(any_redis_url):
    async def scenario(cache):
        await cache.forget_everything()
        assert await cache.holds_anybody() is False
        await cache.put(person("p1", user_id=1))
        assert await cache.holds_anybody() is True
        assert await cache.holds_anybody() is True

    run(scenario, any_redis_url, limit_s=5.0)


def test_a_redis_that_is_away_has_no_known_size_and_nobody_knows_whom_it_holds():
    assert run(lambda cache: cache.sizes(), "redis://127.0.0.1:1/0") is None
    assert run(lambda cache: cache.holds_anybody(), "redis://127.0.0.1:1/0") is None
