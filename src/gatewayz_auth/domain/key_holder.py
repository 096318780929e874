"""Who holds an API key: what is known of a caller that shows one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid

    from gatewayz_auth.domain.sign_in import Source, StoredKey


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The account behind a key that is in use: who, and of which tag the key is."""

    user_id: int
    key_id: uuid.UUID
    environment_tag: str
    privy_user_id: str | None
    tier: str


@dataclass(frozen=True, slots=True)
class FoundKey:
    """What the database holds under a key's digest; whether it may be used is for ``service.api_key_check`` to say."""

    holder: KeyHolder
    stored: StoredKey
    is_revoked: bool
    is_active: bool
    """Whether the account is let in."""


@dataclass(frozen=True, slots=True)
class CheckedKey:
    """A key that was accepted: whose it is, where that was learnt, and how many seconds ago it was true."""

    holder: KeyHolder
    source: Source
    age_s: float
