"""Reads one value after another and keeps every fault, so that all are said together."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import re
from email.utils import parseaddr
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gatewayz_auth.adapters.smtp.server import SmtpServer
from gatewayz_auth.domain.documented import is_documented
from gatewayz_auth.domain.identity import normalised_email
from gatewayz_auth.settings.knobs import KNOBS

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLERS_GIVE_UP_AFTER_S = 30
"""Seconds after which the front ends that exist give up; no limit of ours may reach it."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SECRET_MIN_LENGTH = 32
_HIGHEST_PORT = 65535
_MOST = 1_000_000_000
_MAY_BE_EMBEDDED = frozenset({"DATABASE_URL", "REDIS_URL"})
_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\s\[\]]+):([0-9]{1,5})")
_PEM_BLOCK = re.compile(r"\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*")


class Reader:
    """The values of ``environ``, checked one by one; ``faults`` grows, and holds no secret.

    Secrets of the documentation are accepted with ``dev`` alone.
    """

    def __init__(self, environ: Mapping[str, str], *, dev: bool) -> None:
        self._environ = environ
        self._dev = dev
        self._knobs = {knob.name: knob for knob in KNOBS}
        self.faults: list[str] = []

    def fault(self, name: str, problem: str) -> None:
        """Remember that ``name`` has ``problem``, which repeats no secret value."""
        knob = self._knobs[name]
        self.faults.append(f"{name} {problem}; expected {knob.form}. Example: {name}={knob.example}")

    def is_given(self, name: str) -> bool:
        """Whether the setting has a value of its own; blanks are none."""
        return bool(self._environ.get(name, "").strip())

    def text(self, name: str) -> str | None:
        """The value without blanks around it, or the default."""
        return self._environ.get(name, "").strip() or self._knobs[name].default

    def number(self, name: str, low: float, high: float) -> float:
        """A number from ``low`` to ``high``."""
        text = self.text(name) or ""
        try:
            value = float(text)
        except ValueError:
            self.fault(name, "is not a number")
            return float(self._knobs[name].default or 0)
        if not low <= value <= high:
            self.fault(name, f"is {value:.15g}")
        return value

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        text = self.text(name) or ""
        if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
            self.fault(name, "is not a whole number of fewer than 19 digits")
            return int(self._knobs[name].default or 0)
        if not low <= int(text) <= high:
            self.fault(name, f"is {int(text)}")
        return int(text)

    def count(self, name: str) -> int | None:
        """A whole number, 1 or more; None where it is not given."""
        return self.whole(name, 1, _MOST) if self.is_given(name) else None

    def timeout_s(self, name: str, not_above: tuple[str, float] | None = None) -> float:
        """Seconds above 0 and below 30; a default gives way to ``not_above`` (name, seconds), a given value may not."""
        value = self.number(name, -math.inf, math.inf)
        if math.isnan(value):
            return float(self._knobs[name].default or 0)  # its fault is told already
        if value <= 0:
            self.fault(name, f"is {value:.15g} s")
        elif value >= CALLERS_GIVE_UP_AFTER_S:
            self.fault(name, f"is {value:.15g} s and callers give up at {CALLERS_GIVE_UP_AFTER_S} s")
        elif not_above is not None and value > not_above[1] > 0:
            if not self.is_given(name):
                return not_above[1]
            self.fault(name, f"is {value:.15g} s and {not_above[0]} only {not_above[1]:.15g} s")
        return value

    def choice(self, name: str, *allowed: str) -> str:
        """One of the words, in any case."""
        value = (self.text(name) or "").lower()
        for word in allowed:
            if value == word.lower():
                return word
        self.fault(name, "is none of its words")
        return allowed[0]

    def parts(self, name: str) -> tuple[str, ...]:
        """What stands between commas, blanks taken off, empty parts left out."""
        return tuple(part.strip() for part in (self.text(name) or "").split(",") if part.strip())

    def url(self, name: str, *schemes: str) -> str | None:
        """A URL of one of ``schemes``; it may hold a password and is never repeated."""
        value = self.text(name)
        if value is None or (value == "embedded" and name in _MAY_BE_EMBEDDED):
            return value
        try:
            parts = urlsplit(value)
            is_fine = parts.scheme in schemes and value.isprintable() and parts.port != 0
        except ValueError:
            is_fine = False
        if not is_fine:
            self.fault(name, "is no such URL")
        return value

    def smtp_url(self, name: str) -> str | None:
        """Where mail is handed over; it may hold a password and is never repeated."""
        value = self.text(name)
        if value is not None:
            try:
                SmtpServer.parse(value)
            except ValueError as error:
                self.fault(name, _why(error))
        return value

    def secret(self, name: str) -> str | None:
        """One secret, long enough and printable; never repeated."""
        value = self.text(name)
        if value is not None and not _is_secret(value):
            self.fault(name, "is too short or has an unprintable character")
        elif value is not None:
            self._refuse_documented(name, value)
        return value

    def keyring(self, name: str) -> tuple[str, ...]:
        """Secrets separated by commas, newest first, each once; never repeated."""
        secrets = self.parts(name)
        if any(not _is_secret(secret) for secret in secrets):
            self.fault(name, "holds a secret that is too short or has an unprintable character")
        elif secrets:  # an older one may be: whoever began with it has to open their keys
            self._refuse_documented(name, secrets[0])
        if len(set(secrets)) < len(secrets):
            self.fault(name, "holds the same secret twice")
        return secrets

    def _refuse_documented(self, name: str, secret: str) -> None:
        if not self._dev and is_documented(secret):
            self.fault(name, "is the documentation's example: put the output of `openssl rand -base64 36` in its place")

    def networks(self, name: str) -> tuple[Network, ...]:
        """Networks in CIDR form; a single address is a network of one."""
        networks: list[Network] = []
        for part in self.parts(name):
            try:
                networks.append(ipaddress.ip_network(part, strict=False))
            except ValueError:
                self.fault(name, "names something that is no network")
        return tuple(networks)

    def listen(self, name: str) -> tuple[str, int] | None:
        """``host:port``, an IPv6 host in brackets; the answer is without them."""
        value = self.text(name)
        if value is None:
            return None
        match = _LISTEN.fullmatch(value)
        if match is None or not 0 < int(match[2]) <= _HIGHEST_PORT:
            self.fault(name, "names no host and port")
            return None
        return match[1].strip("[]"), int(match[2])

    def origins(self, name: str) -> tuple[str, ...]:
        """Web origins: scheme, host and port alone, or ``*``."""
        origins = self.parts(name)
        if not all(origin == "*" or _is_origin(origin) for origin in origins):
            self.fault(name, "names something that is no origin (scheme, host and port, nothing after)")
        return tuple(origin.lower() for origin in origins)  # as browsers write them

    def domains(self, name: str) -> tuple[str, ...]:
        """Domains of e-mail addresses in the form that verified e-mails are kept in; an ``@`` in front is taken off."""
        domains: list[str] = []
        for part in self.parts(name):
            email = normalised_email("x@" + part.removeprefix("@"))
            if email is None:
                self.fault(name, "names something that is no domain")
            else:
                domains.append(email.partition("@")[2])
        return tuple(domains)

    def sender(self, name: str) -> str | None:
        """An e-mail address, with a name before it or without."""
        value = self.text(name)
        if value is not None and (not value.isprintable() or normalised_email(parseaddr(value)[1]) is None):
            self.fault(name, "is no e-mail address")
        return value

    def public_keys(self, name: str) -> str | None:
        """PEM of one or more public keys with real line ends; which curve is for who reads the keys to say."""
        value = self.text(name)
        if value is None:
            return None
        pem = value.replace("\\r", "").replace("\\n", "\n")
        if "PRIVATE KEY" in pem:
            self.fault(name, "holds a private key, which belongs to Privy alone")
        elif not _is_pem_of_public_keys(pem):
            self.fault(name, "is no PEM of public keys")
        return pem


def _why(error: ValueError) -> str:
    """What ``SmtpServer`` says; what the standard library says may repeat a password."""
    said = str(error)
    return said if said.startswith(("is ", "names ", "has ", "would ")) else "is no such URL"


def _is_secret(text: str) -> bool:
    return len(text) >= _SECRET_MIN_LENGTH and text.isascii() and text.isprintable()


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and text.lower() == f"{parts.scheme}://{parts.netloc}".lower()
            and "@" not in parts.netloc
        )
    except ValueError:
        return False


def _is_pem_of_public_keys(pem: str) -> bool:
    blocks = _PEM_BLOCK.findall(pem)
    if not blocks or _PEM_BLOCK.sub("", pem):
        return False
    try:
        return all(base64.b64decode("".join(block.split()), validate=True) for block in blocks)
    except binascii.Error:
        return False
