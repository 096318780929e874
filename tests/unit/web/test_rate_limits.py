"""An identity that signs in without end, and an address that guesses, are asked to slow down; nobody else is."""

import ipaddress

import pytest
from tests.support.manual_clock import ManualClock
from tests.support.web_app import BODY, SimpleService, call, parts

from gatewayz_auth.domain.errors import SubjectMismatch, TokenNotAccepted
from gatewayz_auth.reliability.rate_limit import MAX_KEYS, Rate
from gatewayz_auth.web.app import create_app
from gatewayz_auth.web.rate_limits import RateLimits

GOOD = BODY["token"]
BY_IDENTITY = Rate(per_second=0.5, burst=3)
BY_ADDRESS = Rate(per_second=0.25, burst=4)
TRUSTED = (ipaddress.ip_network("10.0.0.0/8"),)


class Refusing(SimpleService):
    """Refuses tokens for the reason that they name."""

    def prove(self, request):
        if request.token == "other":
            raise SubjectMismatch
        if request.token != "good":
            raise TokenNotAccepted(request.token)
        return super().prove(request)


class Caller:
    """Asks an app with limits small enough for a test."""

    def __init__(self, trusted=()):
        self.warnings = []
        self.reports = []
        self.clock = ManualClock()
        self.limits = RateLimits(trusted, by_identity=BY_IDENTITY, by_address=BY_ADDRESS, warn=self.warnings.append)
        self.app = create_app(parts(Refusing(), limits=self.limits, clock=self.clock, report=self.reports.append))

    def ask(self, token=GOOD, person="did:privy:ada", host="203.0.113.7", **headers):
        body = {**BODY, "token": token, "user": {**BODY["user"], "id": person}}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return call(self.app, "POST", "/api/auth", json=body, client=(host, 4000), headers=named)

    def statuses(self, times, *asked, **headers):
        return [self.ask(*asked, **headers).status_code for _ in range(times)]


def test_an_identity_that_signs_in_without_end_is_told_when_to_come_back_and_nobody_else_is():
    caller = Caller()
    assert caller.statuses(4) == [200, 200, 200, 429]
    refused = caller.ask()
    assert refused.headers["retry-after"] == "2"
    assert refused.headers["content-type"] == "application/problem+json"
    assert caller.reports[-1].outcome == "limited"
    assert caller.ask(person="did:privy:bob").status_code == 200
    caller.clock.advance(2.0)
    assert caller.statuses(2) == [200, 429]


def test_naming_somebody_without_proof_locks_nobody_out():
    caller = Caller()
    caller.statuses(20, "signature")
    assert caller.ask().status_code == 200


def test_guesses_are_told_429_while_good_tokens_of_the_same_address_are_heard():
    caller = Caller()
    assert caller.statuses(6, "signature") == [401] * 4 + [429] * 2
    assert caller.ask("signature").headers["retry-after"] == "4"
    assert caller.reports[-1].outcome == "limited"
    assert caller.ask("malformed").status_code == 429
    assert caller.ask("other").status_code == 429
    assert caller.ask().status_code == 200
    assert caller.ask("signature", host="203.0.113.8").status_code == 401
    caller.clock.advance(4.0)
    assert caller.ask("signature").status_code == 401


@pytest.mark.parametrize("reason", ["missing", "expired", "not_yet_valid", "audience", "identity_subject"])
def test_what_privy_has_signed_is_no_guess(reason):
    caller = Caller()
    assert caller.statuses(10, reason) == [401] * 10
    assert caller.ask("signature").status_code == 401


def test_behind_a_named_balancer_each_client_has_limits_of_their_own():
    caller = Caller(TRUSTED)
    one = {"host": "10.0.0.1", "x_forwarded_for": "198.51.100.1"}
    assert caller.statuses(5, "signature", **one) == [401] * 4 + [429]
    invented = {**one, "x_forwarded_for": "192.0.2.9, 198.51.100.1"}
    assert caller.ask("signature", **invented).status_code == 429
    assert caller.ask("signature", host="10.0.0.2", x_forwarded_for="198.51.100.2").status_code == 401
    assert not caller.warnings


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "x_real_ip", "via", "cf_connecting_ip"])
def test_behind_a_balancer_that_nobody_named_there_is_one_warning_and_no_limit_by_address(header):
    caller = Caller(TRUSTED)
    assert caller.statuses(10, "signature", **{header: "198.51.100.1"}) == [401] * 10
    assert len(caller.warnings) == 1
    assert "TRUSTED_PROXIES" in caller.warnings[0]
    assert caller.statuses(4, **{header: "198.51.100.1"}) == [200, 200, 200, 429]  # by identity there is one


def test_the_warning_comes_with_the_first_good_sign_in_too():
    caller = Caller()
    caller.ask(x_forwarded_for="198.51.100.1")
    assert len(caller.warnings) == 1


def test_without_limits_nobody_is_limited():
    app = create_app(parts(Refusing()))
    assert {call(app, "POST", "/api/auth", json=BODY).status_code for _ in range(10)} == {200}


def test_memory_is_bounded_however_many_come():
    limits = RateLimits()
    for number in range(MAX_KEYS + 100):
        limits.admit(f"did:privy:{number}", 1.0)
    assert limits.remembered == MAX_KEYS
