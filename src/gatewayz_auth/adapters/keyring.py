"""The keyring behind ``API_KEY_SECRET``: makes API keys, and opens their sealed copies."""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gatewayz_auth.domain import api_keys
from gatewayz_auth.domain.errors import KeyNotOpened, SettingsError
from gatewayz_auth.domain.sign_in import NewKey

if TYPE_CHECKING:
    from gatewayz_auth.domain.sign_in import StoredKey
    from gatewayz_auth.reliability.entropy import Entropy

KEY_ID_BYTES = 8
NONCE_BYTES = 12
_DRAWN_BYTES = 32
_VERSION = bytes([api_keys.SEAL_VERSION])
_HEAD_BYTES = len(_VERSION) + KEY_ID_BYTES
_CANARY = b"gatewayz-auth canary"


def _derived(secret: str, purpose: bytes, length: int = 32) -> bytes:
    """One of the keys of ``secret``; what is known of one says nothing of another (HKDF-SHA-256, RFC 5869)."""
    return HKDF(SHA256(), length, salt=None, info=b"gatewayz-auth " + purpose).derive(secret.encode())


def _letters(drawn: bytes) -> str:
    """30 base62 characters of 32 drawn bytes, evenly within 2^-77; thirty draws of their own take ten times as long."""
    rest = int.from_bytes(drawn, "big")
    letters = []
    for _ in range(api_keys.SECRET_LENGTH):
        rest, digit = divmod(rest, len(api_keys.ALPHABET))
        letters.append(api_keys.ALPHABET[digit])
    return "".join(letters)


@dataclass(frozen=True, slots=True)
class _Secret:
    """One secret of the ring, as the keys derived from it; the secret itself is not kept."""

    key_id: bytes
    digest_key: bytes = field(repr=False)
    sealing: AESGCM = field(repr=False)
    cache_key: bytes = field(repr=False)
    canary_key: bytes = field(repr=False)

    @classmethod
    def derive(cls, secret: str) -> _Secret:
        return cls(
            key_id=_derived(secret, b"key id v1", KEY_ID_BYTES),
            digest_key=_derived(secret, b"api key digest v1"),
            sealing=AESGCM(_derived(secret, b"api key sealing v1")),
            cache_key=_derived(secret, b"cache v1"),
            canary_key=_derived(secret, b"canary v1"),
        )


class Keyring:
    """Makes and opens API keys by ``secrets``, newest first: the newest seals, older ones still open.

    A sealed copy is ``version (1) ‖ key id (8) ‖ nonce (12) ‖ AES-256-GCM(owner secret (32) ‖ key)``, bound to its row
    by ``associated_data`` and to its owner by the row's owner tag. Nonces are random: one secret may seal 2^32 keys.
    """

    def __init__(self, secrets: tuple[str, ...], entropy: Entropy) -> None:
        if not secrets:
            raise SettingsError(["API_KEY_SECRET is missing; expected the output of: openssl rand -base64 36"])
        self._entropy = entropy
        self._ring = tuple(_Secret.derive(secret) for secret in secrets)
        self._by_id = {secret.key_id: secret for secret in self._ring}

    def __repr__(self) -> str:
        """Say how many secrets there are and nothing of them."""
        return f"Keyring({len(self._ring)} secrets)"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the secrets as rows hold them (``digest_key_id``), newest first; they say nothing else."""
        return tuple(secret.key_id.hex() for secret in self._ring)

    @property
    def cache_keys(self) -> tuple[tuple[str, bytes], ...]:
        """Id and 32-byte key of each secret for sealing cached values, newest first."""
        return tuple((secret.key_id.hex(), secret.cache_key) for secret in self._ring)

    def cache_key(self, index: int = 0) -> bytes:
        """The 32-byte key for sealing cached values of the secret at ``index``, 0 for the newest."""
        return self._ring[index].cache_key

    def mint(self, environment_tag: str) -> NewKey:
        """A fresh key of the tag, sealed with the newest secret."""
        key_id = uuid.UUID(bytes=self._entropy.secret_bytes(16), version=4)
        api_key = api_keys.compose(environment_tag, _letters(self._entropy.secret_bytes(_DRAWN_BYTES)))
        return self._sealed(api_key, key_id, environment_tag, self._entropy.secret_bytes(api_keys.OWNER_SECRET_BYTES))

    def open(self, key: StoredKey, user_id: int) -> str:
        """The key in clear; ``KeyNotOpened`` where it was altered, moved to another row or owner, or is foreign."""
        return self._opened(key, user_id)[0]

    def digests(self, api_key: str) -> list[tuple[str, bytes]]:
        """What ``api_key`` (well-formed) may be found by: id and digest for each secret, newest first."""
        return [(secret.key_id.hex(), api_keys.digest(secret.digest_key, api_key)) for secret in self._ring]

    def needs_resealing(self, key: StoredKey) -> bool:
        """Whether an older secret than the newest digested or sealed ``key``."""
        newest = self._ring[0].key_id
        return key.digest_key_id != newest.hex() or key.sealed[:_HEAD_BYTES] != _VERSION + newest

    def reseal(self, key: StoredKey, user_id: int) -> NewKey:
        """The same key by the newest secret: write its digest, digest key id and seal; the owner tag stays."""
        api_key, owner_secret = self._opened(key, user_id)
        return self._sealed(api_key, key.key_id, key.environment_tag, owner_secret)

    def canary(self) -> bytes:
        """Something to store at the first start, by which a later start notices that it has other secrets."""
        newest = self._ring[0]
        return _VERSION + newest.key_id + hmac.digest(newest.canary_key, _CANARY, "sha256")

    def opens_canary(self, stored: bytes) -> bool:
        """Whether the secret that made ``stored`` is in this ring."""
        secret = self._by_id.get(stored[len(_VERSION) : _HEAD_BYTES])
        if secret is None or stored[: len(_VERSION)] != _VERSION:
            return False
        return hmac.compare_digest(stored[_HEAD_BYTES:], hmac.digest(secret.canary_key, _CANARY, "sha256"))

    def _sealed(self, api_key: str, key_id: uuid.UUID, environment_tag: str, owner_secret: bytes) -> NewKey:
        newest = self._ring[0]
        nonce = self._entropy.secret_bytes(NONCE_BYTES)
        clear = owner_secret + api_key.encode("ascii")
        return NewKey(
            key_id=key_id,
            environment_tag=environment_tag,
            prefix=api_keys.shown_prefix(api_key),
            digest=api_keys.digest(newest.digest_key, api_key),
            digest_key_id=newest.key_id.hex(),
            sealed=_VERSION
            + newest.key_id
            + nonce
            + newest.sealing.encrypt(nonce, clear, api_keys.associated_data(key_id)),
            owner_secret=owner_secret,
        )

    def _opened(self, key: StoredKey, user_id: int) -> tuple[str, bytes]:
        sealed = bytes(key.sealed)
        secret = self._by_id.get(sealed[len(_VERSION) : _HEAD_BYTES])
        if sealed[: len(_VERSION)] != _VERSION:
            raise KeyNotOpened(key.key_id, "sealed in a form that is not known")
        if secret is None:
            raise KeyNotOpened(key.key_id, "sealed by a secret that is not in API_KEY_SECRET")
        nonce, rest = sealed[_HEAD_BYTES : _HEAD_BYTES + NONCE_BYTES], sealed[_HEAD_BYTES + NONCE_BYTES :]
        try:
            clear = secret.sealing.decrypt(nonce, rest, api_keys.associated_data(key.key_id))
            owner_secret, api_key = clear[: api_keys.OWNER_SECRET_BYTES], clear[api_keys.OWNER_SECRET_BYTES :].decode()
            owner_tag = api_keys.owner_tag(owner_secret, user_id)
        except (InvalidTag, ValueError, OverflowError):
            raise KeyNotOpened(key.key_id, "altered, or moved to another row") from None
        if not hmac.compare_digest(owner_tag, key.owner_tag):
            raise KeyNotOpened(key.key_id, "it belongs to somebody else")
        if api_keys.tag_of(api_key) != key.environment_tag or api_keys.shown_prefix(api_key) != key.prefix:
            raise KeyNotOpened(key.key_id, "it is of another kind than its row says")
        return api_key, owner_secret
