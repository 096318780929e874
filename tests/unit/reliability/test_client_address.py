"""An address is limited only where it is certainly the client's own."""

from __future__ import annotations

import ipaddress

import pytest

from gatewayz_auth.reliability.client_address import client_address

TRUSTED = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        ("203.0.113.7", None, "203.0.113.7"),  # a direct caller
        ("203.0.113.7", "198.51.100.1", None),  # forwarded by nobody we know: maybe a balancer
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),  # an invented first hop is not believed
        ("10.0.0.1", "198.51.100.1, 10.1.1.1", "198.51.100.1"),  # two proxies of ours
        ("10.0.0.1", "10.1.1.1", None),
        ("10.0.0.1", None, None),  # a proxy that does not say for whom
        ("10.0.0.1", "198.51.100.1:5555", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, unknown", None),
        ("10.0.0.1", "198.51.100.1,", None),
        ("fd00::1", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("10.0.0.1", "[2001:db8:1:2:3::4]:443", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::5", None, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", None, "203.0.113.7"),
        ("fe80::1%eth0", None, "fe80::/64"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("::1", None, "::1"),
        (None, None, None),  # a socket file
        (None, "198.51.100.1", None),
        ("nonsense", None, None),
    ],
)
def test_it_is_the_last_hop_that_is_not_ours_or_nobody(peer, forwarded_for, expected):
    assert client_address(peer, forwarded_for, TRUSTED) == expected


def test_a_header_of_any_length_costs_little_and_breaks_nothing():
    assert client_address("10.0.0.1", "198.51.100.1, " + "10.0.0.2, " * 10_000 + "10.0.0.3", TRUSTED) is None


def test_a_long_invented_hop_is_neither_believed_nor_remembered():
    assert client_address("10.0.0.1", "9" * 60_000, TRUSTED) is None
    assert client_address("10.0.0.1", "   198.51.100.1   ", TRUSTED) == "198.51.100.1"
