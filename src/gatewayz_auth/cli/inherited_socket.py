"""A listening socket that whoever started us has opened: two versions answer on one port, and neither closes it."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from gatewayz_auth.domain.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

FIRST = 3
"""The number that the protocol of systemd's sockets (``sd_listen_fds``) gives the first one."""

_NAMES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def inherited_socket(environ: MutableMapping[str, str]) -> socket.socket | None:
    """The socket that was handed to this process, listening; None where none was.

    Its queue of callers belongs to all who hold it: one that ends loses nobody. Takes the variables out of
    ``environ``, because they are meant for this process alone. ``StartupError`` where it cannot be served from.
    """
    meant_for, count, _ = (environ.pop(name, "") for name in _NAMES)
    if meant_for != str(os.getpid()):
        return None
    if count != "1":
        raise StartupError(
            f"{count or 'No'} sockets were handed over and one is needed, the service's own: "
            "leave one ListenStream= in the socket unit (OPS_LISTEN opens its own)."
        )
    try:
        taken = socket.socket(fileno=FIRST)
        is_fit = taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and taken.family != socket.AF_UNIX
    except OSError:
        is_fit = False
    if not is_fit:
        raise StartupError("The socket that was handed over listens on no TCP port: correct ListenStream=, "
                           "such as ListenStream=127.0.0.1:8000.") from None  # fmt: skip
    taken.set_inheritable(True)  # the worker processes are given it too
    return taken
