"""What commands for operators share: where the neighbours are, and a bound on every wait."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayz_auth import bootstrap
from gatewayz_auth.adapters.line_writer import LineWriter
from gatewayz_auth.adapters.logs import Logs, silence
from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey
from gatewayz_auth.cli.embedded_servers import EMBEDDED
from gatewayz_auth.cli.state_folder import StateFolder
from gatewayz_auth.domain.errors import NotKnown, SettingsError, StartupError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.settings import load_environment, read_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from gatewayz_auth.service.desk import Desk
    from gatewayz_auth.service.people import People
    from gatewayz_auth.settings import Settings

T = TypeVar("T")


def with_people(do: Callable[[People], Awaitable[T]]) -> T:
    """What ``do`` answers with the settings' neighbours, the embedded ones of a running ``serve --dev`` included.

    ``StartupError`` within ten seconds where a neighbour does not answer.
    """
    settings = operator_settings()
    silence()
    service = bootstrap.Service(settings, Logs(LineWriter(None), is_json=True, level=50))
    return within_reach(_within(service, do))


def with_desk(do: Callable[[Desk], Awaitable[T]]) -> T:
    """The same with the desk, over which whatever is done is written down first."""
    settings = operator_settings()
    silence()
    service = bootstrap.Service(settings, Logs(LineWriter(None), is_json=True, level=50))
    return within_reach(_at_the_desk(service, do))


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


async def _within(service: bootstrap.Service, do: Callable[[People], Awaitable[T]]) -> T:
    async with contextlib.AsyncExitStack() as stack:
        people = await stack.enter_async_context(service.for_operators())
        return await do(people)


async def _at_the_desk(service: bootstrap.Service, do: Callable[[Desk], Awaitable[T]]) -> T:
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(service.for_operators())
        return await do(service.console.desk)
