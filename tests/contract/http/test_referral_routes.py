"""The referral routes as a caller sees them."""

import pytest
from tests.support.referral_side import Check, Codes, routes
from tests.support.web_app import call, parts

from gatewayz_auth.domain.errors import DeadlineExceeded, NeighbourUnavailable
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.rate_limit import Rate
from gatewayz_auth.web.app import create_app
from gatewayz_auth.web.rate_limits import RateLimits

PATHS = ("/api/referral/code", "/api/referral/stats")
GOOD = {"Authorization": "Bearer good"}


def get(path, headers=GOOD, *, check=None, codes=None, **changes):
    app = create_app(parts(extra_routers=(routes(check, codes),), **changes))
    return call(app, "GET", path, headers=headers, client=("203.0.113.7", 4000))


def test_a_key_gets_its_owners_code():
    answer = get("/api/referral/code")
    assert (answer.status_code, answer.json()) == (200, {"referral_code": "K7QX2MP7"})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-auth-source"] == "database"
    assert "age" not in answer.headers
    assert answer.headers["x-request-id"]


def test_a_key_gets_the_uses_by_status_and_the_credits_earned():
    answer = get("/api/referral/stats")
    assert answer.json() == {
        "referral_code": "K7QX2MP7",
        "uses": {"pending": 1, "rewarded": 2, "refused": 0, "failed": 0, "reversed": 0},
        "total_uses": 3,
        "credits_earned": 20.5,
    }


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["Bearer junk", "Basic good", "good", "Bearer", "", None])
def test_no_key_and_a_bad_one_are_told_alike(path, scheme):
    answer = get(path, {} if scheme is None else {"Authorization": scheme})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "No API key, or one that is not accepted."
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", PATHS)
def test_whoever_is_disabled_is_told_so(path):
    assert get(path, {"Authorization": "Bearer disabled"}).status_code == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("where", ["check", "codes"])
@pytest.mark.parametrize("error", [NeighbourUnavailable("postgres", "x"), DeadlineExceeded("x")])
def test_what_is_not_known_is_503_with_a_time_to_come_back(path, where, error):
    check, codes = Check(), Codes()
    (check if where == "check" else codes).says = error
    answer = get(path, check=check, codes=codes)
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 5


def test_an_older_answer_says_so():
    check = Check()
    check.source = Source.LAST_KNOWN_GOOD
    answer = get("/api/referral/code", check=check)
    assert (answer.headers["x-auth-source"], answer.headers["age"]) == ("last-known-good", "12")


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused(path):
    app = create_app(parts(extra_routers=(routes(),)))
    answer = call(app, "POST", path, headers=GOOD)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_an_address_that_guesses_is_slowed_down_and_a_good_key_from_it_is_heard():
    limits = RateLimits(by_address=Rate(per_second=0.01, burst=3))
    app = create_app(parts(extra_routers=(routes(),), limits=limits))

    def ask(key):
        return call(app, "GET", PATHS[0], headers={"Authorization": f"Bearer {key}"}, client=("203.0.113.7", 4000))

    answers = [ask("junk") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert ask("good").status_code == 200
