"""Sign-ins that arrive together are proven together, and none of them by what another brought."""

import asyncio

import pytest

from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.web.arrivals import TURN, Arrivals


class Arrival:
    def __init__(self, request):
        self.request, self.outcome = request, None


def accounts(request):
    return TokenNotAccepted(request) if request.startswith("bad") else (request,)


class Proofs:
    def __init__(self):
        self.asked = []

    def prove_all(self, requests):
        self.asked.append(list(requests))
        return [accounts(request) for request in requests]


async def signed(arrivals, request):
    arrival = Arrival(request)
    arrivals.add(arrival)
    await TURN
    return arrivals.signed(arrival)


def together(arrivals, *requests):
    async def all_of_them():
        return await asyncio.gather(*(signed(arrivals, request) for request in requests), return_exceptions=True)

    return asyncio.run(all_of_them())


def test_those_of_one_turn_are_proven_in_one_go_and_each_gets_its_own_outcome():
    proofs = Proofs()
    outcomes = together(Arrivals(proofs.prove_all), "ada", "bad token", "bob")
    assert proofs.asked == [["ada", "bad token", "bob"]]
    assert outcomes[0] == ("ada",)
    assert isinstance(outcomes[1], TokenNotAccepted)
    assert outcomes[2] == ("bob",)


def test_whoever_comes_a_turn_later_is_proven_with_their_own_turn():
    proofs = Proofs()
    arrivals = Arrivals(proofs.prove_all)

    async def later():
        await TURN
        return await signed(arrivals, "late")

    async def both():
        return await asyncio.gather(signed(arrivals, "early"), later())

    assert asyncio.run(both()) == [("early",), ("late",)]
    assert proofs.asked == [["early"], ["late"]]


def test_who_leaves_before_the_turn_is_over_holds_nobody_up():
    proofs = Proofs()
    arrivals = Arrivals(proofs.prove_all)

    async def one_leaves():
        leaving = asyncio.ensure_future(signed(arrivals, "gone"))
        staying = asyncio.ensure_future(signed(arrivals, "here"))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(one_leaves()) == ("here",)


def test_where_proving_fails_altogether_each_who_waits_hears_it_and_the_next_are_proven():
    def broken(_):
        raise ZeroDivisionError

    arrivals = Arrivals(broken)
    assert [type(outcome) for outcome in together(arrivals, "ada", "bob")] == [ZeroDivisionError] * 2
    arrivals._prove_all = Proofs().prove_all
    assert together(arrivals, "ada") == [("ada",)]


def test_asking_before_the_loop_has_turned_is_an_error_and_no_proof():
    with pytest.raises(RuntimeError):
        Arrivals(Proofs().prove_all).signed(Arrival("ada"))
