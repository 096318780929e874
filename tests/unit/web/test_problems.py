"""One table of codes to HTTP."""

import json

import pytest

from gatewayz_auth.domain import errors
from gatewayz_auth.web import problems


def every(kind):
    for child in kind.__subclasses__():
        yield child
        yield from every(child)


@pytest.mark.parametrize("kind", sorted(set(every(errors.Refused)) | set(every(errors.NotKnown)), key=str))
def test_every_error_that_reaches_a_caller_has_a_row_of_its_own(kind):
    assert kind.code in problems.PROBLEMS


def test_our_own_failures_are_503_and_the_callers_are_4xx():
    for kind in every(errors.NotKnown):
        assert problems.PROBLEMS[kind.code].status == 503
    for kind in every(errors.Refused):
        assert 400 <= problems.PROBLEMS[kind.code].status < 500


def test_no_row_is_a_500_and_every_type_is_stable():
    assert all(problem.status != 500 for problem in problems.PROBLEMS.values())
    assert problems.PROBLEMS["token_not_accepted"].type == "urn:gatewayz-auth:problem:token-not-accepted"


def test_each_403_says_which_it_is():
    rows = [problem for problem in problems.PROBLEMS.values() if problem.status == 403]
    assert len({row.type for row in rows}) == len({row.detail for row in rows}) == len(rows)


def test_all_reasons_of_a_refused_token_look_the_same():
    told = {
        problems.render(problems.of_error(errors.TokenNotAccepted(reason)), "r") for reason in ("missing", "signature")
    }
    assert len(told) == 1


def test_a_body_that_is_not_json_is_named_by_the_pointer_to_the_whole():
    problem = problems.of_error(errors.RequestNotUnderstood("no"))
    told = json.loads(problems.render(problem, "r"))
    assert told["status"] == 400
    assert told["errors"] == [{"pointer": "", "detail": "must be JSON in UTF-8"}]


def test_an_error_outside_the_table_is_unexpected():
    assert problems.of_error(errors.SettingsError(["x"])).code == "unexpected"


@pytest.mark.parametrize(("fraction", "wait"), [(0.0, b"1"), (0.5, b"3"), (0.999, b"5")])
def test_a_503_asks_to_come_back_in_one_to_five_seconds_spread(fraction, wait):
    assert (b"retry-after", wait) in problems.headers(problems.PROBLEMS["overloaded"], None, fraction)


@pytest.mark.parametrize(("given", "told"), [(7, b"7"), (0, b"1")])
def test_a_429_says_when_it_will_be_heard_again(given, told):
    limited = errors.RateLimited(given)
    assert problems.headers(problems.of_error(limited), limited, 0.5) == [(b"retry-after", told)]
