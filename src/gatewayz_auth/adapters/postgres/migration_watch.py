"""Looks, beside a migration, who keeps it waiting, and whether the server still answers anybody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg

from gatewayz_auth.adapters.postgres.connection import BoundedConnection
from gatewayz_auth.adapters.postgres.failures import DRIVER_ERRORS
from gatewayz_auth.adapters.postgres.statements import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOK_EACH_S = 0.5
LOOK_LIMIT_S = 2.0
SILENT_LOOKS = 3
"""So many looks one after the other without an answer, and the server has fallen silent."""

_SILENCES = (psycopg.errors.ConnectionTimeout, psycopg.errors._WaitTimeout)  # noqa: SLF001 - what BoundedConnection raises


class MigrationWatch:
    """Over a connection of its own; where it may have none, nobody is named and only the limits hold."""

    def __init__(self, database_url: str, options: Mapping[str, Any], tell: Callable[[str], None]) -> None:
        """Look at nothing yet; ``tell`` hears who is waited for."""
        self._database_url = database_url
        self._options = options
        self._tell = tell
        self._pid: int | None = None
        self._blockers: list[dict[str, Any]] = []
        self._sees: bool | None = None
        self._connection: BoundedConnection | None = None
        self._looking = asyncio.Lock()

    async def begin(self, pid: int) -> None:
        """From now on the session ``pid`` is what is looked at, and nobody has blocked it yet."""
        self._pid, self._blockers = pid, []
        if self._sees is None:  # a pooler of one connection serves nobody beside the migration: that is no silence
            self._sees = await self._look()

    async def until_silent(self) -> None:
        """Look until the server, which had answered here before, answers no more."""
        silent = 0
        while silent < SILENT_LOOKS:
            await asyncio.sleep(LOOK_EACH_S)
            if self._sees:
                silent = 0 if await self._look() else silent + 1

    def close(self) -> None:
        """End the connection at once."""
        if self._connection is not None:
            self._connection.pgconn.finish()

    async def _look(self) -> bool:
        """Whether the server answered, with a refusal too; who blocks is kept."""
        async with self._looking:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await BoundedConnection.connect(self._database_url, **self._options)
                    self._connection.wait_limit_s = LOOK_LIMIT_S
                cursor = await self._connection.execute(statement("blocked_by"), {"pid": self._pid})
                found = await cursor.fetchall()
            except DRIVER_ERRORS as error:
                self.close()
                self._connection = None
                return not isinstance(error, _SILENCES)
            if found:  # who is seen no more was there when the wait ended in vain
                self._blockers = found
                self._tell(f"waits for process {found[0]['pid']} ({found[0]['program']})")
            return True

    def why_locked(self, limit_s: float) -> str:
        """Who held the lock that was waited for in vain, and what to do next."""
        if not self._blockers:
            return (
                f"The migration waited {limit_s:g} s for a lock that somebody else holds; the step changed nothing. "
                "gatewayz-auth doctor shows who, then migrate again."
            )
        first = self._blockers[0]
        others = f" and {len(self._blockers) - 1} more" if len(self._blockers) > 1 else ""
        state = "" if first["state"] is None else f", {first['state']} for {first['state_s'] or 0:.0f} s"
        who = f"process {first['pid']} ({first['program']}{state})"
        if first["is_migration"]:
            return (
                f"Another migration runs: {who}{others} holds its lock for more than {limit_s:g} s. "
                f"Wait until it has ended and migrate again, or end it: SELECT pg_terminate_backend({first['pid']})"
            )
        on = f" on {first['relation']}" if first["relation"] else ""
        return (
            f"The migration waited {limit_s:g} s for a lock{on} that {who}{others} holds; the step changed "
            f"nothing. End it: SELECT pg_terminate_backend({first['pid']}), then migrate again."
        )
