"""The audit log, and what hangs on an account: referrals, codes, the ledger; and erasing all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.audit import AuditEntry
from gatewayz_auth.service.records import MOST_SHOWN, Listed, More

if TYPE_CHECKING:
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool, Row
    from gatewayz_auth.reliability.clock import Clock

SEARCH_LIMIT_S = 8.0
"""A search through a table takes longer than a look-up …"""

TRACES_LIMIT_S = 60.0
"""… and one of everything that stands in it longer still: a minute is some twenty million people's."""


class PostgresRecords:
    """``service.audit.AuditLog`` and ``service.records.Records``; each call ends within ``limit_s`` seconds."""

    def __init__(self, pool: Pool, call: Call, clock: Clock, limit_s: float) -> None:
        """Keep the parts."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self._limit_s = limit_s

    async def add(self, who: str, what: str, subject: str, why: str) -> None:
        """Write one entry into the audit log."""
        await self._rows("add_audit", {"who": who, "what": what, "subject": subject, "why": why})

    async def last(self, most: int) -> tuple[AuditEntry, ...]:
        """The last entries of the audit log, newest first."""
        rows = await self._rows("last_audit", {"most": most})
        return tuple(AuditEntry(row["at"], row["who"], row["what"], row["subject"], row["why"]) for row in rows)

    async def about(self, subjects: tuple[str, ...], most: int) -> tuple[AuditEntry, ...]:
        """The last entries about any of ``subjects``, newest first."""
        rows = await self._rows("audit_about", {"subjects": list(subjects), "most": most}, SEARCH_LIMIT_S)
        return tuple(AuditEntry(row["at"], row["who"], row["what"], row["subject"], row["why"]) for row in rows)

    async def more_of(self, user_id: int, most: int = MOST_SHOWN) -> More:
        """What hangs on the account, the newest ``most`` of each kind."""
        limit_s = self._limit_s if most <= MOST_SHOWN else SEARCH_LIMIT_S
        row = (await self._rows("more_of_user", {"user_id": user_id, "most": most}, limit_s))[0]
        return More(row["last_sign_in_at"], tuple(row["referrals"]), tuple(row["codes"]), tuple(row["ledger"]))

    async def key_digests(self, user_id: int) -> tuple[bytes, ...]:
        """The digests of all keys that the person ever had."""
        return tuple(row["digest"] for row in await self._rows("key_digests_of", {"user_id": user_id}))

    async def erase(self, user_id: int) -> bool:
        """Take the person out of every table but the ledger; False where nobody has this id."""
        rows = await self._rows("erase_user", {"user_id": user_id}, SEARCH_LIMIT_S)
        return bool(rows[0]["is_erased"])

    async def forget_names_in_changes(self, user_id: int) -> None:
        """Take the person's names out of what processes are told."""
        await self._rows("forget_names_in_changes", {"user_id": user_id}, SEARCH_LIMIT_S)

    async def traces(self, parts: tuple[str, ...], words: tuple[str, ...]) -> dict[str, int]:
        """Where any of these still stands, by table and column; one table after another, each in a minute at most."""
        found: dict[str, int] = {}
        for table in await self._rows("tables_with_names", {}):
            parameters = {"relation": table["relation"], "parts": list(parts), "words": list(words)}
            rows = await self._rows("find_traces", parameters, TRACES_LIMIT_S)
            found |= {row["place"]: row["rows"] for row in rows}
        return found

    async def list_users(self, after: int, most: int) -> tuple[Listed, ...]:
        """People in the order of their ids."""
        return tuple(Listed(**row) for row in await self._rows("list_users", {"after": after, "most": most}))

    async def find_users(self, text: str, most: int) -> tuple[Listed, ...]:
        """People one of whose names begins with ``text``."""
        return tuple(Listed(**row) for row in await self._rows("find_users", {"text": text, "most": most}))

    async def _rows(self, name: str, parameters: dict[str, Any], limit_s: float | None = None) -> list[Row]:
        limit_s = limit_s or self._limit_s
        deadline = Deadline.after(self._clock.monotonic_s(), limit_s)
        return await self._call(
            lambda: self._pool.rows(name, parameters, deadline.left_s(self._clock.monotonic_s())),
            key="operators",
            deadline=deadline,
            own_limit_s=limit_s,
            operation=name,
        )
