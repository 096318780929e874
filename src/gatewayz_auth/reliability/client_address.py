"""Whose address a request comes from, where that can be known at all. Pure."""

from __future__ import annotations

import functools
import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_HOPS = 20
_MAX_LENGTH = 64
_IPV6_PREFIX = 64


def _address(text: str) -> Address | None:
    """The address in ``text`` (``1.2.3.4``, ``1.2.3.4:5``, ``::1``, ``[::1]:5``), or None where there is none."""
    text = text.strip()
    return _parsed(text) if len(text) <= _MAX_LENGTH else None  # what is remembered must be short


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _name(address: Address) -> str:
    if address.version == 6 and not address.is_loopback:  # noqa: PLR2004 - one subscriber has a whole /64
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)


@functools.lru_cache(maxsize=4096)
def is_trusted(peer: str | None, trusted: tuple[Network, ...]) -> bool:
    """Whether ``peer``, who is connected (None: a socket file), is one of the ``trusted`` proxies."""
    address = _address(peer) if peer else None
    return address is not None and _is_in(address, trusted)


def client_address(peer: str | None, forwarded_for: str | None, trusted: tuple[Network, ...]) -> str | None:
    """The address to limit by, or None where a limit by address would be unjust.

    ``peer`` is who is connected (None: a socket file), ``forwarded_for`` the ``X-Forwarded-For`` as it came. A direct
    caller is their own address. Behind ``trusted`` proxies it is the last one that is not trusted, so that nobody
    invents theirs. None: forwarded by somebody who is not trusted (it may be a balancer nobody named, and then all
    people would be one address), a trusted proxy that does not say for whom, and an address that is none. IPv6 is
    limited by /64.
    """
    address = _address(peer) if peer else None
    if address is None:
        return None
    is_proxy = _is_in(address, trusted)
    if not forwarded_for:
        return None if is_proxy else _name(address)
    if not is_proxy:
        return None
    for hop in reversed(forwarded_for.split(",")[-_MAX_HOPS:]):
        client = _address(hop)
        if client is None:
            return None
        if not _is_in(client, trusted):
            return _name(client)
    return None
