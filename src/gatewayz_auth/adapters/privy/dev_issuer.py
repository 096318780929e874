"""The development issuer: makes tokens like Privy's with a key pair of its own, which nobody else accepts."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from gatewayz_auth.adapters.privy import base64url, dev_people
from gatewayz_auth.adapters.privy.header import ALGORITHM, TYPE
from gatewayz_auth.adapters.privy.tokens import ISSUER, MAX_IDENTITY_LENGTH
from gatewayz_auth.domain.errors import FieldError, RequestNotUnderstood, StartupError

if TYPE_CHECKING:
    from gatewayz_auth.reliability.entropy import Entropy

APP_ID = "gatewayz-auth-dev"
"""The ``aud`` of every development token: no Privy app has this id, so a real deployment refuses it by this too."""

KEY_FILE = "dev-issuer-key.pem"
MAX_LIFETIME_S = 86400
_SESSION_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_SESSION_LENGTH = 24


class DevIssuer:
    """Issues tokens by a key pair that is made once and kept in ``state_dir``, readable by its owner alone.

    ``StartupError`` where the folder cannot be written or the key that lies there cannot be read.
    """

    app_id = APP_ID

    def __init__(self, state_dir: Path, entropy: Entropy) -> None:
        self._entropy = entropy
        self._key = _kept_key(state_dir / KEY_FILE)
        public = self._key.public_key()
        self.public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        self._kid = "dev-" + base64url.encode(point[1:13])

    def __repr__(self) -> str:
        """Name the public side alone."""
        return f"DevIssuer(app_id={APP_ID!r})"

    def issue(
        self, privy_user_id: object, linked_accounts: object, utc_now_s: float, lifetime_s: int = 3600
    ) -> dict[str, object]:
        """``token``, ``identity_token`` and ``user`` of a person, ready to be sent to ``POST /api/auth``.

        ``linked_accounts`` is a list of objects as Privy shows them, None for none; ``lifetime_s`` is 1 to 86400.
        ``RequestNotUnderstood`` names each field that is wrong.
        """
        subject, accounts = dev_people.read(privy_user_id, linked_accounts)
        if type(lifetime_s) is not int or not 0 < lifetime_s <= MAX_LIFETIME_S:
            raise RequestNotUnderstood(
                "a lifetime is a whole number of seconds",
                (FieldError("/lifetime_s", f"a whole number of seconds from 1 to {MAX_LIFETIME_S}"),),
            )
        now_s = int(utc_now_s)
        common = {"iss": ISSUER, "iat": now_s, "aud": APP_ID, "sub": subject, "exp": now_s + lifetime_s}
        session = "cm" + self._entropy.token(_SESSION_ALPHABET, _SESSION_LENGTH)
        signed = json.dumps(dev_people.signed_accounts(accounts, now_s))
        identity_token = self.sign({"cr": str(now_s), "linked_accounts": signed, **common})
        if len(identity_token) > MAX_IDENTITY_LENGTH:
            raise RequestNotUnderstood(
                "too many linked accounts",
                (FieldError("/linked_accounts", "fewer or shorter ones: a token of 16 KiB holds them all"),),
            )
        return {
            "token": self.sign({"sid": session, **common}),
            "identity_token": identity_token,
            "user": dev_people.user(subject, accounts, now_s),
        }

    def sign(self, claims: dict[str, object]) -> str:
        """A token that says ``claims``, unchecked."""
        head = {"alg": ALGORITHM, "typ": TYPE, "kid": self._kid}
        parts = [base64url.encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims)]
        signed = ".".join(parts)
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{base64url.encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _kept_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        if not path.exists():
            _make_key(path)
        path.chmod(0o600)
        pem = path.read_bytes()
    except OSError as error:
        raise StartupError(
            f"the development issuer's key {path} cannot be made or read ({error.strerror}): "
            "make its folder writable, or name another one with STATE_DIR",
        ) from None
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise StartupError(f"{path} is no key of the development issuer: delete it, and a new one is made")
    return key


def _make_key(path: Path) -> None:
    """Write a new key beside ``path`` and link it there: of two processes that start at once one wins, whole."""
    key = ec.generate_private_key(ec.SECP256R1())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return  # another process was first, and its key is as good
    finally:
        Path(name).unlink()
