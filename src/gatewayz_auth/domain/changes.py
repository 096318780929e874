"""A change that somebody made to a person or a key, as every process notices it."""

from __future__ import annotations

import math
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


@dataclass(frozen=True, slots=True)
class ChangesRead:
    """What one reading tells.

    ``version`` orders answers against changes, over all processes and restarts: a database that is asked after this
    reading knows every change whose ``change_id`` is not above it. (Ids are those of transactions, not of rows: a row's
    id is given before its transaction commits.) ``is_gap``: changes may have been missed, so nothing remembered is
    fresh; ``changes`` are then all that took something away and are not long past, and of those up to ``floor`` nothing
    is known. ``doubtful_below``: of changes up to this one (it may be above ``version``) that took nothing away not all
    are told. ``lost_since_s`` (UTC seconds): the database counts from lower on than it was heard to, and may have lost
    what it answered since then; infinite where it has not, -infinite where it was put back to an earlier state.
    """

    changes: tuple[Change, ...]
    version: int
    is_gap: bool
    floor: int = 0
    lost_since_s: float = math.inf
    doubtful_below: int = 0
