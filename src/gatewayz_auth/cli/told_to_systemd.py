"""Tells whoever started us that we are ready, by the protocol of systemd (``Type=notify``)."""

from __future__ import annotations

import contextlib
import os
import socket

_LIMIT_S = 1.0


def tell_ready() -> None:
    """Say ``READY=1`` where somebody wants to hear it (``NOTIFY_SOCKET``); in vain where they are gone."""
    place = os.environ.pop("NOTIFY_SOCKET", "")
    if not place:
        return
    address = f"\0{place[1:]}" if place.startswith("@") else place
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.settimeout(_LIMIT_S)
        told.sendto(b"READY=1", address)
