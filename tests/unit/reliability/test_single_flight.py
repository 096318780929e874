"""One call for all who ask the same at once; each waits as long as they want to."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.virtual_loop import VirtualClock, deaf, in_virtual_time

from gatewayz_auth.domain.errors import NeighbourUnavailable, Overloaded, QueryTimeoutError
from gatewayz_auth.reliability.single_flight import SingleFlight


class _Lookup:
    """Work that counts how often it was begun."""

    def __init__(self, takes_s, error=None):
        self.takes_s = takes_s
        self.error = error
        self.begun = 0

    async def __call__(self):
        self.begun += 1
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        return f"answer {self.begun}"


def _flights(**bounds):
    return SingleFlight("postgres", VirtualClock(), **bounds)


def _join(flights, work, limit_s=5.0, key="ada", **more):
    return asyncio.ensure_future(flights.join(key, work, limit_s=limit_s, operation="Privy ID lookup", **more))


def _now():
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_a_hundred_who_ask_at_once_cost_one_call():
    flights, lookup = _flights(), _Lookup(1)
    assert set(await asyncio.gather(*(_join(flights, lookup) for _ in range(100)))) == {"answer 1"}
    assert (lookup.begun, len(flights)) == (1, 0)


@in_virtual_time
async def test_each_waiter_leaves_at_their_own_limit_and_the_flight_goes_on_for_the_others():
    flights, lookup, expiries = _flights(), _Lookup(1), []
    impatient = _join(flights, lookup, 0.15, on_expiry=lambda *args: expiries.append(args))
    patient = _join(flights, lookup, 5)
    with pytest.raises(QueryTimeoutError, match=r"^timeout exceeded 0\.15s$"):
        await impatient
    assert _now() == pytest.approx(0.15)
    assert expiries == [(pytest.approx(0.15), 0.15, 0.0)]
    assert await patient == "answer 1"


@in_virtual_time
async def test_a_first_caller_who_is_cancelled_ends_it_for_nobody_else():
    flights, lookup = _flights(), _Lookup(1)
    first, second = _join(flights, lookup), _join(flights, lookup)
    await asyncio.sleep(0.5)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == "answer 1"
    assert lookup.begun == 1


@in_virtual_time
async def test_a_look_up_as_long_as_any_limit_may_be_set_is_still_one_for_all_who_ask():
    flights, lookup = _flights(), _Lookup(29)
    first = _join(flights, lookup, 29.5)
    await asyncio.sleep(15)
    assert await _join(flights, lookup, 15) == await first
    assert lookup.begun == 1


@in_virtual_time
async def test_a_flight_that_all_have_left_still_lands():
    flights, lookup = _flights(), _Lookup(1)
    with pytest.raises(QueryTimeoutError):
        await _join(flights, lookup, 0.1)
    assert flights.is_flying("ada")
    assert await _join(flights, lookup, 5) == "answer 1"


@in_virtual_time
async def test_a_failure_is_told_to_those_who_wait_and_to_nobody_after_them():
    flights, lookup = _flights(), _Lookup(1, ConnectionResetError("reset"))
    results = await asyncio.gather(*(_join(flights, lookup) for _ in range(50)), return_exceptions=True)
    assert {type(result) for result in results} == {ConnectionResetError}
    lookup.error = None
    assert await _join(flights, lookup) == "answer 2"


@in_virtual_time
async def test_one_failure_told_to_many_does_not_grow_its_traceback():
    flights, lookup, depths = _flights(), _Lookup(1, ConnectionResetError("reset")), []

    async def joins():
        try:
            await flights.join("ada", lookup, limit_s=5, operation="x")
        except ConnectionResetError as error:
            trace, depth = error.__traceback__, 0
            while trace:
                trace, depth = trace.tb_next, depth + 1
            depths.append(depth)

    await asyncio.gather(*(joins() for _ in range(50)))
    assert len(depths) == 50
    assert len(set(depths)) == 1


@in_virtual_time
async def test_different_people_fly_apart_and_one_more_than_the_bound_is_refused_at_once():
    flights, lookup = _flights(max_flights=2), _Lookup(1)
    fly = [_join(flights, lookup, key=key) for key in ("ada", "bob")]
    await asyncio.sleep(0.1)
    with pytest.raises(Overloaded):
        await _join(flights, lookup, key="eve")
    assert _now() == pytest.approx(0.1)
    assert await asyncio.gather(*fly) == ["answer 2", "answer 2"]
    assert await _join(flights, lookup, key="eve") == "answer 3"


@in_virtual_time
async def test_a_flight_that_will_not_land_is_not_joined_for_ever():
    flights, lookup = _flights(max_joinable_age_s=10), _Lookup(0.1)
    with pytest.raises(QueryTimeoutError):
        await _join(flights, lambda: deaf(3600), 1)
    await asyncio.sleep(10)
    assert await _join(flights, lookup) == "answer 1"
    assert len(flights) == 1


@in_virtual_time
async def test_no_time_left_starts_nothing():
    flights, lookup = _flights(), _Lookup(1)
    for limit_s in (0, -1):
        with pytest.raises(QueryTimeoutError):
            await _join(flights, lookup, limit_s)
    assert (lookup.begun, len(flights)) == (0, 0)


@in_virtual_time
async def test_a_refresh_that_nobody_waits_for_is_begun_once():
    flights, lookup = _flights(), _Lookup(1)
    assert flights.start("ada", lookup)
    assert not flights.start("ada", lookup)
    assert await _join(flights, lookup) == "answer 1"
    assert flights.start("ada", _Lookup(1, ValueError()))  # its failure, too, warns nobody
    await asyncio.sleep(2)


@in_virtual_time
async def test_an_opening_breaker_releases_those_who_wait_and_no_impatience_is_told():
    flights, lookup, expiries = _flights(), _Lookup(60), []
    opening = asyncio.get_running_loop().create_future()
    waiting = [_join(flights, lookup, give_up=opening, on_expiry=lambda *args: expiries.append(args)) for _ in range(3)]
    asyncio.get_running_loop().call_later(0.6, opening.set_result, None)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(result) for result in results] == ["timeout exceeded 0.6s"] * 3
    assert (_now(), expiries) == (pytest.approx(0.6), [])


@in_virtual_time
async def test_closing_releases_whoever_waits_with_not_known():
    flights = _flights()
    waiting = _join(flights, _Lookup(60))
    await asyncio.sleep(0.1)
    assert await flights.close(1) == ()
    with pytest.raises(NeighbourUnavailable):
        await waiting
