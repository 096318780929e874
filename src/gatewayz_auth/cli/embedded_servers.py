"""The servers that ``serve`` brings along: started one after another, ended together."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.settings import Settings

EMBEDDED = "embedded"


def wants_embedded(settings: Settings) -> bool:
    """Whether any server is to be brought along."""
    return EMBEDDED in {settings.database_url, settings.redis_url}


class EmbeddedServers:
    """Those of ``settings`` that are called ``embedded``; ``urls`` says where they are, by the setting's name."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Keep what to start."""
        folder = Path(settings.state_dir)
        self._postgres = EmbeddedPostgres(folder, clock) if settings.database_url == EMBEDDED else None
        self._valkey = EmbeddedValkey(folder, clock) if settings.redis_url == EMBEDDED else None
        self._ending = threading.Lock()
        self.urls: dict[str, str] = {}

    def start(self, progress: Callable[[str], None]) -> None:
        """Start them, saying so first; to be called from the thread that lives as long as they shall."""
        if self._postgres is not None:
            progress("Starting Postgres ..." if self._postgres.has_data else "Making a database, once ...")
            self.urls["DATABASE_URL"] = self._postgres.start()
        if self._valkey is not None:
            progress("Starting Valkey ...")
            self.urls["REDIS_URL"] = self._valkey.start()

    def stop(self) -> None:
        """End them within 1.2 s; from any thread, and as often as one likes."""
        with self._ending, ExitStack() as stack:
            for server in (self._postgres, self._valkey):
                if server is not None:
                    stack.callback(server.stop)
