"""The socket that the service will listen on, taken before anything is started for it."""

from __future__ import annotations

import contextlib
import errno
import socket

from gatewayz_auth.domain.errors import StartupError

_HIGHEST_PORT = 65535
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - what is asked, not what is bound


def take_port(host: str, port: int) -> socket.socket:
    """A socket on ``port`` (0: any that is free), kept from others; ``StartupError`` says what to do where it fails."""
    if not 0 <= port <= _HIGHEST_PORT:
        raise StartupError(f"{port} is no port: give one from 1 to {_HIGHEST_PORT}, such as --port 8000.")
    try:
        family, kind, number, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise StartupError(f"The host {host} is not known here: give an address of this machine, "
                           "such as --host 127.0.0.1.") from None  # fmt: skip
    try:
        if port == 0:  # what the system chose by itself it gives away in `close_until_served`; asked for by name, never
            with socket.socket(family, kind, number) as chosen:
                chosen.bind(address)
                address = chosen.getsockname()
        taken = socket.socket(family, kind, number)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
            _refuse_a_second_listener(taken)
        except OSError:
            taken.close()
            raise
    except OSError as error:
        raise StartupError(_sentence(host, port, error)) from None
    taken.set_inheritable(True)
    return taken


def _refuse_a_second_listener(taken: socket.socket) -> None:
    """With SO_REUSEADDR two can bind as long as none listens: listen now, so that the second one hears it at once."""
    taken.listen(2048)


def close_until_served(taken: socket.socket) -> None:
    """Keep the port, and refuse callers until the service listens again: a balancer then asks another one meanwhile.

    Where this system cannot do it, callers wait in the queue.
    """
    with contextlib.suppress(OSError):
        taken.shutdown(socket.SHUT_RD)


def taken_meanwhile(taken: socket.socket) -> StartupError:
    """What to say where another program began to listen on the port between ``close_until_served`` and now."""
    host, port = taken.getsockname()[:2]
    return StartupError(_sentence(host, port, OSError(errno.EADDRINUSE, "")))


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        taken = f"Port {port} of {host} is taken by another program"
        return f"{taken}: stop it, or choose another (--port 8123; make run PORT=8123)."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}: choose one above 1023 (--port 8123; make run PORT=8123)."
    return f"{host} is no address of this machine ({error.strerror}): give one, such as --host 127.0.0.1."


def address_of(taken: socket.socket) -> tuple[str, int]:
    """Where a program on this machine reaches it."""
    host, port = taken.getsockname()[:2]
    return _ANYWHERE.get(host, host), port


def url_of(taken: socket.socket) -> str:
    """The same as ``http://``."""
    host, port = address_of(taken)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
