"""A session of the console: signed, ending, and worth nothing once the token is another."""

import base64
import json

import pytest
from tests.support.manual_clock import ManualClock
from tests.support.seeded_entropy import SeededEntropy

from gatewayz_auth.web.console.session import LIFE_S, NAME_LENGTH, Sessions

TOKEN = "an-administrators-token-of-forty-letters"


def sessions(token=TOKEN, link=None, clock=None):
    return Sessions(token, link, clock or ManualClock(), SeededEntropy(1))


def test_a_session_is_read_by_every_process_that_has_the_same_token():
    cookie = sessions().begin("Grace")
    read = sessions().read(cookie)
    assert read.name == "Grace"
    assert read.csrf == sessions().read(cookie).csrf


def test_another_token_ends_every_session():
    cookie = sessions().begin("Grace")
    assert sessions("another-administrators-token-of-letters").read(cookie) is None


def test_a_session_ends_by_itself():
    clock = ManualClock()
    at = sessions(clock=clock)
    cookie = at.begin("Grace")
    clock.advance(LIFE_S - 1)
    assert at.read(cookie) is not None
    clock.advance(2)
    assert at.read(cookie) is None


def test_a_session_that_somebody_prolongs_is_none():
    body, _, signature = sessions().begin("Grace").partition(".")
    facts = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    longer = base64.urlsafe_b64encode(json.dumps({**facts, "until": facts["until"] + 9}).encode()).decode().rstrip("=")
    assert sessions().read(f"{longer}.{signature}") is None


@pytest.mark.parametrize("cookie", [None, "", ".", "a.b", "ü.ü", "x" * 2000, "e30." + "0" * 64])
def test_nonsense_is_no_session(cookie):
    assert sessions().read(cookie) is None


def test_every_session_has_a_proof_of_its_own():
    at = sessions()
    one, other = at.begin("Grace"), at.begin("Grace")
    assert at.read(one).csrf != at.read(other).csrf


def test_with_neither_token_nor_link_nobody_comes_in():
    closed = sessions(None)
    assert not closed.is_open
    assert not closed.fits("")
    assert not closed.fits_link("")
    assert closed.read(closed.begin("Grace")) is None


def test_the_link_opens_and_its_key_is_no_token():
    at = sessions(None, "the-key-of-the-link")
    assert at.is_open
    assert at.fits_link("the-key-of-the-link")
    assert not at.fits("the-key-of-the-link")
    assert not at.takes_token


def test_a_name_is_kept_short_and_printable():
    at = sessions()
    assert at.read(at.begin("Grace\n\x00" + "x" * 99)).name == ("Grace" + "x" * 99)[:NAME_LENGTH]
