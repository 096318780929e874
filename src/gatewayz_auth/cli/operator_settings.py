"""Which settings commands read, and a bound on every wait; apart from the service, so that it is quick to import."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey
from gatewayz_auth.cli.embedded_servers import EMBEDDED
from gatewayz_auth.cli.state_folder import StateFolder
from gatewayz_auth.domain.errors import NotKnown, SettingsError, StartupError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.settings import load_environment, read_settings

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gatewayz_auth.settings import Settings

T = TypeVar("T")


def operator_settings() -> Settings:
    """The settings as commands read them: of the environment, or of a running ``serve --dev`` in this folder."""
    environ = load_environment(Path.cwd())
    settings = read_settings(environ, dev=True)
    state = Path(settings.state_dir).absolute()
    if settings.database_url == EMBEDDED:
        environ["DATABASE_URL"] = EmbeddedPostgres(state, SystemClock()).url
    if settings.redis_url == EMBEDDED:
        environ["REDIS_URL"] = EmbeddedValkey(state, SystemClock()).url
    if not settings.api_key_secrets:
        if not state.exists():
            raise SettingsError(["DATABASE_URL and API_KEY_SECRET are missing: set them, or start `serve --dev` first"])
        environ["API_KEY_SECRET"] = StateFolder(state).secret(SystemEntropy())
    environ["STATE_DIR"] = str(state)
    return read_settings(environ, dev=True)


def within_reach(work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` answers; ``StartupError`` where a neighbour that it needs does not answer."""
    try:
        return asyncio.run(work)
    except NotKnown as error:
        raise StartupError(f"A neighbour does not answer ({error}): start it, or correct DATABASE_URL.") from None
