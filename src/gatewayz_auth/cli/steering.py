"""What the commands share that change a running service: the desk, and who asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from gatewayz_auth.adapters.logs import silence
from gatewayz_auth.bootstrap_runtime_desk import RuntimeDesk, runtime_desk
from gatewayz_auth.cli.durations import duration_s, in_words
from gatewayz_auth.cli.operator_settings import operator_settings
from gatewayz_auth.domain.errors import NotKnown, OperatorError
from gatewayz_auth.service.audit import without_names

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.settings import Settings

__all__ = ["AWAY", "KNOWN_WITHIN", "add_why", "at_desk", "duration_s", "in_words", "why_of"]

T = TypeVar("T")

KNOWN_WITHIN = "Every worker on every host knows it within 5 s."
AWAY = "The database does not answer, and what holds for every host is kept there"


def at_desk(do: Callable[[RuntimeDesk, Settings], Awaitable[T]], *, anywhere: bool = False) -> T:
    """What ``do`` answers; ``OperatorError`` where it needs the database and that does not answer.

    With ``anywhere`` also in a folder that knows of no database.
    """
    settings = operator_settings(anywhere=anywhere)
    silence()

    async def work() -> T:
        async with runtime_desk(settings) as desk:
            return await do(desk, settings)

    try:
        return asyncio.run(work())
    except NotKnown as error:
        raise OperatorError(f"{AWAY} ({error}): try again when it is back, or set it in the environment.") from None


def add_why(parser: argparse.ArgumentParser) -> None:
    """The reason, for the audit log."""
    parser.add_argument("--why", default="", metavar="TEXT", help="for the audit log; names are left out of it")


def why_of(arguments: argparse.Namespace) -> str:
    """The reason without names."""
    return without_names(arguments.why)
