"""A change that somebody made to a person or a key, as every process notices it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """Row ``change_id`` of the table of changes: whose account, and whether it takes something away.

    ``takes_away`` (disabled, erased, a key revoked, fewer rights): what is remembered is dropped, last known good too.
    Otherwise it is only no longer fresh.
    """

    change_id: int
    user_id: int
    privy_user_id: str | None
    username: str | None
    takes_away: bool
