"""Which server takes our mail, and how it is spoken to: ``SMTP_URL`` in its parts. No driver is needed for that."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

_IMPLICIT_TLS_PORT = 465
_SUBMISSION_PORT = 587
_RELAY_PORT = 25


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """``start_tls``: True requires it, False never asks for it, None takes it where it is offered.

    ``is_tls``: TLS from the first byte (``smtps://``). A password is never sent in clear to another machine.
    """

    host: str
    port: int
    is_tls: bool
    start_tls: bool | None
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> SmtpServer:
        """The server of ``smtp://`` or ``smtps://user:password@host:port``, ``?tls=required`` or ``?tls=off`` after it.

        ``ValueError`` says what is wrong and repeats nothing of it. Users and passwords are percent-encoded.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"}:
            raise ValueError("is neither smtp:// nor smtps://")
        if not parts.hostname or parts.path not in {"", "/"} or parts.fragment or not url.isprintable():
            raise ValueError("names no host, or something after it")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if (options and set(options) != {"tls"}) or options.get("tls", "off") not in {"required", "off"}:
            raise ValueError("has an option that is neither tls=required nor tls=off")
        is_tls = parts.scheme == "smtps"
        if is_tls and options.get("tls") == "off":
            raise ValueError("is smtps:// and says tls=off")
        username, password = _credentials(parts.username, parts.password)
        start_tls = {"required": True, "off": False, None: None}[options.get("tls")]
        if username is not None and not is_tls and not _is_loopback(parts.hostname):
            if start_tls is False:
                raise ValueError("would send a password in clear")
            start_tls = True
        if parts.port == 0:
            raise ValueError("names port 0")
        usual_port = _IMPLICIT_TLS_PORT if is_tls else _SUBMISSION_PORT if username else _RELAY_PORT
        return cls(
            parts.hostname,
            usual_port if parts.port is None else parts.port,
            is_tls,
            False if is_tls else start_tls,
            username,
            password,
        )


def _credentials(username: str | None, password: str | None) -> tuple[str | None, str | None]:
    if not username and not password:
        return None, None
    if not username or not password:
        raise ValueError("has a user without a password, or a password without a user")
    return unquote(username), unquote(password)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
