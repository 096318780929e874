"""Composed for commands: what is changed while running; apart from the service, so that it is quick to import."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.figures.glance import Glance, glance
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.pool import Pool
from gatewayz_auth.adapters.postgres.runtime_settings import PostgresRuntime
from gatewayz_auth.adapters.runtime_files import RuntimeFiles
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.owned_tasks import OwnedTasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.settings import Settings

COMMAND_LIMIT_S = 1.5


@dataclass(frozen=True, slots=True)
class RuntimeDesk:
    """What commands about settings, rollout and rollback need and no more."""

    store: PostgresRuntime
    files: RuntimeFiles
    clock: Clock
    settings: Settings

    def glance(self) -> Glance:
        """What the processes of this host have shown within the last seconds."""
        return glance(Path(self.settings.state_dir) / "figures", self.clock.utc_now_s())

    async def clear_redis(self) -> int | None:
        """How many keys of ours were dropped in Redis; None: there is none. ``NotKnown`` where it does not answer."""
        from gatewayz_auth.adapters.redis.clearing import clear  # noqa: PLC0415 - half of a command's start, for one part

        url = self.settings.redis_url
        return None if url is None else await clear(url, self.clock, COMMAND_LIMIT_S)


@contextlib.asynccontextmanager
async def runtime_desk(settings: Settings) -> AsyncIterator[RuntimeDesk]:
    """The desk over a connection of its own; nothing connects before it is asked, and each call ends in 1.5 s."""
    clock = SystemClock()
    abandoned = Abandoned()
    pool = Pool(settings.database_url, max_size=1, min_size=0, clock=clock, tasks=OwnedTasks("pool", 8))
    store = PostgresRuntime(pool, GuardedCall(clock, abandoned), clock, COMMAND_LIMIT_S)
    await pool.open()
    try:
        yield RuntimeDesk(store, RuntimeFiles(Path(settings.state_dir)), clock, settings)
    finally:
        await abandoned.close(0.5)
        await pool.close()
