"""Who may see what operators see."""

import pytest

from gatewayz_auth.web.access import Listener, OpsRules, is_direct_loopback

TOKEN = "a-token-of-operators-with-enough-characters"


def scope(host="127.0.0.1", **headers):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": (host, 1) if host else None, "headers": pairs}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_callers_are_direct(host):
    assert is_direct_loopback(scope(host))


@pytest.mark.parametrize("host", ["10.0.0.1", "::2", "::ffff:10.0.0.1", "testclient", "", None])
def test_others_are_not(host):
    assert not is_direct_loopback(scope(host))


@pytest.mark.parametrize(
    "name", ["x_forwarded_for", "forwarded", "x_real_ip", "via", "x_forwarded_host", "x_forwarded_proto"]
)
def test_whoever_speaks_for_somebody_else_is_not_direct(name):
    assert not is_direct_loopback(scope(**{name: "127.0.0.1"}))


@pytest.mark.parametrize(
    ("listener", "caller", "sees"),
    [
        (Listener.ONLY, scope(), True),
        (Listener.ONLY, scope("10.0.0.1"), False),
        (Listener.ONLY, scope("10.0.0.1", authorization=f"Bearer {TOKEN}"), True),
        (Listener.ONLY, scope("10.0.0.1", authorization=f"bearer  {TOKEN} "), True),
        (Listener.ONLY, scope("10.0.0.1", authorization=f"Bearer {TOKEN}x"), False),
        (Listener.ONLY, scope("10.0.0.1", authorization=TOKEN), False),
        (Listener.PUBLIC, scope(), False),
        (Listener.PUBLIC, scope(authorization=f"Bearer {TOKEN}"), False),
        (Listener.OPERATORS, scope("10.0.0.1"), True),
    ],
)
def test_who_may_look(listener, caller, sees):
    assert OpsRules(TOKEN, listener).may_look(caller) is sees


def test_the_operators_door_is_told_by_the_port_of_our_end_and_by_nothing_else():
    rules = OpsRules(TOKEN, Listener.PUBLIC, operators_port=9000)
    at_operators = {**scope("10.0.0.1"), "server": ("10.0.0.2", 9000)}
    assert rules.at(at_operators).may_look(at_operators)
    for server in (("10.0.0.2", 8000), None, ("/run/service.sock", None)):
        elsewhere = {**scope("127.0.0.1", x_forwarded_port="9000", x_forwarded_host="10.0.0.2:9000"), "server": server}
        assert rules.at(elsewhere).listener is Listener.PUBLIC
        assert not rules.at(elsewhere).may_look(elsewhere)


def test_without_an_admin_token_none_is_good():
    assert not OpsRules(None).shows_admin_token(scope(authorization="Bearer "))
    assert not OpsRules(None).shows_admin_token(scope(authorization="Bearer None"))


def test_a_repr_shows_no_token():
    assert TOKEN not in repr(OpsRules(TOKEN))
