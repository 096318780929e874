"""Steps that are taken for many at once."""

import gc
import traceback
import weakref

import pytest

from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.reliability.each import each, one


def half(number):
    if number % 2:
        raise ValueError(number)
    return number // 2


def test_each_gets_its_own_outcome_in_order_and_an_error_stays_what_it_is():
    outcomes = each(half, [4, 3, 2, 1])
    assert [outcomes[0], outcomes[2]] == [2, 1]
    assert [repr(outcomes[1]), repr(outcomes[3])] == ["ValueError(3)", "ValueError(1)"]
    again = each(half, outcomes)
    assert again[0] == 1
    assert again[1] is outcomes[1]


def test_what_ends_the_process_ends_it():
    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each(interrupted, [1, 2])


def test_the_only_one_is_given_or_raised():
    assert one(each(half, [4])) == 2
    with pytest.raises(ValueError, match="3"):
        one(each(half, [3]))


def test_a_refusal_goes_when_nobody_wants_it_any_more():
    def refuse(_):
        raise TokenNotAccepted("signature")

    def raised():
        try:
            one(each(refuse, [1]))
        except TokenNotAccepted as error:
            return weakref.ref(error)

    gc.disable()
    try:
        assert raised()() is None
    finally:
        gc.enable()


def test_what_nobody_expected_says_where_it_happened():
    (error,) = each(half, ["three"])
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert names[-1] == "half"
