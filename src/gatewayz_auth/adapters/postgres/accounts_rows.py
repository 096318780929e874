"""Rows of the database as the values of the domain."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.sign_in import StoredKey
from gatewayz_auth.domain.users import Account

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLUMNS = tuple(Account.__dataclass_fields__)
_TIMES = ("trial_expires_at", "subscription_end_date", "created_at")


def account_of(row: Mapping[str, Any]) -> Account:
    """The account in ``row``, whose columns are called like the fields of ``Account``."""
    values = {column: row[column] for column in _COLUMNS}
    for column in _TIMES:
        if (at := values[column]) is not None:
            values[column] = at.astimezone(dt.UTC)
    return Account(**values)


def key_of(row: Mapping[str, Any], environment_tag: str) -> StoredKey | None:
    """The key in ``row`` (columns ``key_…``), None where there is none of the tag."""
    if row["key_id"] is None:
        return None
    return StoredKey(
        key_id=row["key_id"],
        environment_tag=environment_tag,
        prefix=row["key_prefix"],
        digest_key_id=row["key_digest_key_id"],
        sealed=row["key_sealed"],
        owner_tag=row["key_owner_tag"],
    )
