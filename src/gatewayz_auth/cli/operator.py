"""What commands for operators share: where the neighbours are, and a bound on every wait."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from gatewayz_auth import bootstrap
from gatewayz_auth.adapters.line_writer import LineWriter
from gatewayz_auth.adapters.logs import Logs, silence
from gatewayz_auth.cli.operator_settings import operator_settings, within_reach

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.service.desk import Desk
    from gatewayz_auth.service.people import People

__all__ = ["operator_settings", "with_desk", "with_people", "within_reach"]

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


async def _within(service: bootstrap.Service, do: Callable[[People], Awaitable[T]]) -> T:
    async with contextlib.AsyncExitStack() as stack:
        people = await stack.enter_async_context(service.for_operators())
        return await do(people)


async def _at_the_desk(service: bootstrap.Service, do: Callable[[Desk], Awaitable[T]]) -> T:
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(service.for_operators())
        return await do(service.console.desk)
