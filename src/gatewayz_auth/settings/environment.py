"""Where settings are read from: the process's variables over a ``.env`` file, and names that nearly are settings."""

from __future__ import annotations

import difflib
import ipaddress
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dotenv import dotenv_values

from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.settings.knobs import KNOBS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NEAR_MISS = 0.86
"""How alike a name must be to be asked about: DATABASE_URI is, PATH and HOME are far away."""


def load_environment(cwd: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """``environ`` (default: the process's own) over what ``.env`` in ``cwd`` says; a missing file says nothing.

    A ``$`` in the file stands for itself, so that passwords are taken as written. Raises ``SettingsError`` for a file
    that cannot be read.
    """
    path = cwd / ".env"
    try:
        written = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError([f".env cannot be read: {error.strerror}; put it right or remove it"]) from None
    except UnicodeDecodeError:
        raise SettingsError([".env is no UTF-8 text; save it as UTF-8"]) from None
    merged = {name: value for name, value in written.items() if value is not None}
    merged.update(os.environ if environ is None else environ)
    return merged


def warnings(environ: Mapping[str, str]) -> list[str]:
    """What is accepted and yet looks like a mistake, a sentence each; no value is repeated."""
    return [*_near_misses(environ), *_odd_values(environ)]


def _near_misses(environ: Mapping[str, str]) -> list[str]:
    known = [knob.name for knob in KNOBS]
    lines = []
    for name in sorted(environ.keys() - set(known)):
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=_NEAR_MISS)
        if near and near[0] not in environ:
            lines.append(f"{name} is no setting and is ignored; did you mean {near[0]}?")
    return lines


def _odd_values(environ: Mapping[str, str]) -> list[str]:
    lines = []
    if environ.get("SMTP_URL", "").strip() and not environ.get("MAIL_FROM", "").strip():
        lines.append("SMTP_URL is set and MAIL_FROM is not: no mail is sent")
    if environ.get("PRIVY_JWKS_URL", "").strip().lower().startswith("http://") and not _is_loopback(
        environ["PRIVY_JWKS_URL"].strip()
    ):
        lines.append("PRIVY_JWKS_URL is not https: whoever stands in between can hand us keys of their own")
    if environ.get("SIGNUP_DOMAINS", "").strip() and environ.get("SIGNUPS", "").strip().lower() != "allowlist":
        lines.append("SIGNUP_DOMAINS is set and SIGNUPS is not allowlist: the domains are not looked at")
    return lines


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
