"""Sessions of the console that no process has to remember: who, until when, signed with a key made of ADMIN_TOKEN."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy

LIFE_S = 8 * 3600
"""A working day; then the token is asked for again."""

NAME_LENGTH = 40
_MAX_COOKIE = 1000
_PURPOSE = b"gatewayz-auth console session, 1"


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has shown the token: ``name`` is what they call themselves; ``csrf`` proves that the page asks."""

    name: str
    expires_s: float
    csrf: str


class Sessions:
    """Makes and reads session cookies. Another ADMIN_TOKEN ends them all; a change of workers ends none.

    ``link_key`` opens the console too: it stands in the link that ``serve --dev`` prints.
    """

    def __init__(self, admin_token: str | None, link_key: str | None, clock: Clock, entropy: Entropy) -> None:
        """Derive the key; with neither token nor key the console is closed."""
        self._admin_token = admin_token
        self._link_key = link_key
        self._clock = clock
        self._entropy = entropy
        material = f"{admin_token or ''}\0{link_key or ''}".encode()
        self._key = hmac.digest(material, _PURPOSE, hashlib.sha256)

    @property
    def is_open(self) -> bool:
        """Whether anybody can come in at all."""
        return self._admin_token is not None or self._link_key is not None

    @property
    def takes_token(self) -> bool:
        """Whether there is a token to show."""
        return self._admin_token is not None

    def fits(self, token: str) -> bool:
        """Whether ``token`` is the ADMIN_TOKEN, compared in constant time."""
        return _is_same(token, self._admin_token)

    def fits_link(self, key: str) -> bool:
        """Whether ``key`` is the one of the link."""
        return _is_same(key, self._link_key)

    def begin(self, name: str) -> str:
        """The cookie of a session that begins now."""
        plain = "".join(letter for letter in name if letter.isprintable()).strip()[:NAME_LENGTH]
        facts = {
            "name": plain,
            "until": int(self._clock.utc_now_s()) + LIFE_S,
            "no": self._entropy.secret_bytes(9).hex(),
        }
        body = base64.urlsafe_b64encode(orjson.dumps(facts)).decode().rstrip("=")
        return f"{body}.{self._sign(body)}"

    def read(self, cookie: str | None) -> Session | None:
        """The session of ``cookie``; None where it is not ours or is over."""
        if cookie is None or len(cookie) > _MAX_COOKIE or not cookie.isascii() or not self.is_open:
            return None
        body, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature, self._sign(body)):
            return None
        try:
            facts = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValueError):
            return None
        if self._clock.utc_now_s() >= facts["until"]:
            return None
        return Session(facts["name"], facts["until"], self._sign(f"csrf {cookie}")[:32])

    def _sign(self, text: str) -> str:
        return hmac.digest(self._key, text.encode(), hashlib.sha256).hex()


def _is_same(given: str, wanted: str | None) -> bool:
    return wanted is not None and hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
