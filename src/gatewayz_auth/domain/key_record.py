"""What operators see of an API key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    import uuid


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What may be shown of a key: never anything that could be used."""

    key_id: uuid.UUID
    user_id: int
    environment_tag: str
    is_primary: bool
    prefix: str
    digest_key_id: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None
