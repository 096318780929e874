"""A person as bytes in Redis: sealed, bound to the key it stands at, and checked against the identity asked for."""

from __future__ import annotations

import base64
import uuid
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import orjson

from gatewayz_auth.adapters.redis.sealing import OVERHEAD_BYTES
from gatewayz_auth.domain.cached_person import CachedPerson
from gatewayz_auth.domain.sign_in import StoredKey
from gatewayz_auth.domain.users import Account, folded_username

if TYPE_CHECKING:
    from gatewayz_auth.adapters.redis.sealing import Sealer

MAX_VALUE_BYTES = 16 * 1024
"""The longest value that is written, and the most that is ever read of one."""

API_KEY_PREFIX = b"auth:api_key:"
"""How the keys begin at which it stands whose an API key is."""


LAST_KNOWN_GOOD_PREFIX = "auth:last_known_good:"
"""How the keys begin at which a last known good answer stands."""


def privy_id_key(privy_id: str) -> str:
    """Where a person's fresh answer stands."""
    return f"auth:privy_id:{privy_id}"


def username_key(username: str) -> str:
    """Where a person's fresh answer stands under their name, in the form in which two names are the same."""
    return f"auth:username:{folded_username(username)}"


def last_known_good_key(privy_id: str) -> str:
    """Where a person's last known good answer stands."""
    return f"{LAST_KNOWN_GOOD_PREFIX}{privy_id}"


def api_key_key(digest: bytes) -> str:
    """Where it stands whose an API key is, under the key's digest; nothing leads back from it to the key."""
    return f"{API_KEY_PREFIX.decode()}{digest.hex()}"


def is_text(text: str) -> bool:
    """Whether ``text`` can be written as UTF-8 at all; lone surrogates cannot, so nothing stands under them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def person_to_dict(person: CachedPerson) -> dict[str, Any]:
    """Write the person as a plain dict that orjson can write; decimals and bytes as text, times as RFC 3339."""
    account = person.account
    return {
        "as_of_s": person.as_of_s,
        "change_version": person.change_version,
        "account": {name: getattr(account, name) for name in Account.__slots__} | {"credits": str(account.credits)},
        "keys": [
            {
                "key_id": key.key_id,
                "environment_tag": key.environment_tag,
                "prefix": key.prefix,
                "digest_key_id": key.digest_key_id,
                "sealed": base64.b64encode(key.sealed).decode("ascii"),
                "owner_tag": base64.b64encode(key.owner_tag).decode("ascii"),
            }
            for key in person.keys
        ],
    }


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def person_from_dict(plain: dict[str, Any]) -> CachedPerson:
    """Read what ``person_to_dict`` wrote; ``KeyError``, ``TypeError`` or ``ValueError`` where it is anything else."""
    fields = dict(plain["account"])
    fields["credits"] = Decimal(fields["credits"])
    for name in ("trial_expires_at", "subscription_end_date"):
        fields[name] = _time(fields[name])
    fields["created_at"] = datetime.fromisoformat(fields["created_at"])
    keys = tuple(
        StoredKey(
            key_id=uuid.UUID(key["key_id"]),
            environment_tag=key["environment_tag"],
            prefix=key["prefix"],
            digest_key_id=key["digest_key_id"],
            sealed=base64.b64decode(key["sealed"], validate=True),
            owner_tag=base64.b64decode(key["owner_tag"], validate=True),
        )
        for key in plain["keys"]
    )
    return CachedPerson(Account(**fields), keys, float(plain["as_of_s"]), int(plain["change_version"]))


class Codec:
    """Turns people into sealed values and back; whatever is not exactly what this wrote there is a miss."""

    __slots__ = ("_sealer",)

    def __init__(self, sealer: Sealer) -> None:
        """Seal and open with ``sealer``."""
        self._sealer = sealer

    def encode(self, redis_key: str, person: CachedPerson) -> bytes | None:
        """Seal the person for ``redis_key``; None where that would be longer than ``MAX_VALUE_BYTES``."""
        content = orjson.dumps(person_to_dict(person))
        if len(content) + OVERHEAD_BYTES > MAX_VALUE_BYTES:
            return None
        return self._sealer.seal(redis_key, content)

    def decode(self, redis_key: str, value: object) -> CachedPerson | None:
        """Open the person that stands at ``redis_key``; None for whatever is not one, never an error."""
        if not isinstance(value, bytes) or not value or len(value) > MAX_VALUE_BYTES:
            return None
        content = self._sealer.open(redis_key, value)
        if content is None:
            return None
        try:
            person = person_from_dict(orjson.loads(content))
        except (KeyError, TypeError, ValueError, InvalidOperation):
            return None  # sealed by us, in a shape that this version does not write
        return person

    def encode_owner(self, redis_key: str, privy_id: str) -> bytes:
        """Seal whose the API key is that ``redis_key`` names."""
        return self._sealer.seal(redis_key, privy_id.encode())

    def decode_owner(self, redis_key: str, value: object) -> str | None:
        """Open whose it is; None for whatever this did not write there, never an error."""
        if not isinstance(value, bytes) or not value or len(value) > MAX_VALUE_BYTES:
            return None
        content = self._sealer.open(redis_key, value)
        try:
            return None if content is None else content.decode()
        except UnicodeDecodeError:
            return None

    def decode_for_privy_id(self, redis_key: str, value: object, privy_id: str) -> CachedPerson | None:
        """Open the person at ``redis_key`` if they are ``privy_id``."""
        person = self.decode(redis_key, value)
        return person if person is not None and person.account.privy_user_id == privy_id else None

    def decode_for_username(self, redis_key: str, value: object, username: str) -> CachedPerson | None:
        """Open the person at ``redis_key`` if ``username`` is theirs."""
        person = self.decode(redis_key, value)
        if person is None or folded_username(person.account.username) != folded_username(username):
            return None
        return person
