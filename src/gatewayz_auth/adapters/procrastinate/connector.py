"""procrastinate's door to the database, with our bounds: its own pool hangs for ever on a server that froze."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from procrastinate.connector import BaseAsyncConnector
from procrastinate.exceptions import NoResult

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from procrastinate.connector import Notify

    Execute = Callable[[str, Mapping[str, Any]], Awaitable[list[dict[str, Any]]]]
    """Runs one statement (``%(name)s`` parameters) in time, or raises ``NotKnown``."""


class BoundedConnector(BaseAsyncConnector):
    """Hands each statement to ``execute``; never listens: a transaction pooler would not pass it on, so we poll."""

    def __init__(self, execute: Execute) -> None:
        """Keep it; nothing is opened or closed here, the connections have another owner."""
        self._execute = execute

    async def open_async(self, pool: object = None) -> None:
        """Have nothing to open."""

    async def close_async(self) -> None:
        """Have nothing to close."""

    async def execute_query_async(self, query: str, **arguments: Any) -> None:  # noqa: ANN401 - procrastinate's own signature
        """Run it."""
        await self._execute(query, arguments)

    async def execute_query_one_async(self, query: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Its first row, or ``NoResult``."""
        rows = await self._execute(query, arguments)
        if not rows:
            raise NoResult
        return rows[0]

    async def execute_query_all_async(self, query: str, **arguments: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as above
        """Its rows."""
        return await self._execute(query, arguments)

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Refuse: workers of ours do not listen."""
        raise NotImplementedError
