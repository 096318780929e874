"""Which settings commands read, and a bound on every wait; apart from the service, so that it is quick to import."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey
from gatewayz_auth.cli.embedded_servers import EMBEDDED
from gatewayz_auth.cli.state_folder import StateFolder, supplied_in
from gatewayz_auth.domain.errors import NotKnown, SettingsError, StartupError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.settings import load_environment, read_settings

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gatewayz_auth.settings import Settings

T = TypeVar("T")


_UNKNOWN_HERE = (
    "No database is known in the folder {folder}: DATABASE_URL is not set, and no `serve --dev` was started here. "
    "Go to the folder where it was, or set what the service has (docs/how-to/configure.md)"
)
_ENDED_HERE = (
    "`serve --dev` does not run in this folder any more, so there is no database: start it (make run, or "
    "gatewayz-auth serve --dev), or set DATABASE_URL to the one that is meant."
)


def operator_settings(*, anywhere: bool = False) -> Settings:
    """The settings as commands read them: of the environment, or of a running ``serve --dev`` in this folder.

    Where there is neither, ``SettingsError`` or ``StartupError`` says so and nothing is made; with ``anywhere`` they
    are answered all the same, with a database that nobody reaches.
    """
    environ = load_environment(Path.cwd())
    settings = read_settings(environ, dev=True)
    state = Path(settings.state_dir).absolute()
    runs_here, supplied = supplied_in(state)
    postgres = EmbeddedPostgres(state, SystemClock())
    if settings.database_url == EMBEDDED:
        if not anywhere and not runs_here:
            if postgres.has_data:
                raise StartupError(_ENDED_HERE)
            raise SettingsError([_UNKNOWN_HERE.format(folder=Path.cwd())])
        environ["DATABASE_URL"] = postgres.url
    if settings.redis_url == EMBEDDED and (settings.database_url == EMBEDDED or "REDIS_URL" in supplied):
        environ["REDIS_URL"] = EmbeddedValkey(state, SystemClock()).url
    if not settings.api_key_secrets:
        if not state.exists():
            raise SettingsError(["API_KEY_SECRET is missing: set it as the service has it (docs/how-to/configure.md)"])
        environ["API_KEY_SECRET"] = StateFolder(state).secret(SystemEntropy())
    environ["STATE_DIR"] = str(state)
    read = read_settings(environ, dev=True)
    return dataclasses.replace(read, redis_url=None) if read.redis_url == EMBEDDED else read


def within_reach(work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` answers; ``StartupError`` where a neighbour that it needs does not answer."""
    try:
        return asyncio.run(work)
    except NotKnown as error:
        raise StartupError(f"A neighbour does not answer ({error}): start it, or correct DATABASE_URL.") from None
