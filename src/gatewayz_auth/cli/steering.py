"""What the commands share that change a running service: the desk, who asks, durations, and words for them."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, TypeVar

from gatewayz_auth.adapters.logs import silence
from gatewayz_auth.bootstrap_runtime import RuntimeDesk, runtime_desk
from gatewayz_auth.cli.operator import operator_settings
from gatewayz_auth.domain.errors import NotKnown, SettingsError, StartupError
from gatewayz_auth.service.audit import without_names

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.settings import Settings

T = TypeVar("T")

KNOWN_WITHIN = "Every worker on every host knows it within 5 s."
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]+)([smhd])")
_LONGEST_S = 366 * 86400
AWAY = "The database does not answer, and what holds for every host is kept there"


def at_desk(do: Callable[[RuntimeDesk, Settings], Awaitable[T]]) -> T:
    """What ``do`` answers; ``StartupError`` where it needs the database and that does not answer."""
    settings = operator_settings()
    silence()

    async def work() -> T:
        async with runtime_desk(settings) as desk:
            return await do(desk, settings)

    try:
        return asyncio.run(work())
    except NotKnown as error:
        raise StartupError(f"{AWAY} ({error}): try again when it is back, or set it in the environment.") from None


def duration_s(text: str) -> float:
    """``30m``, ``2h``, ``90s`` or ``1d`` in seconds; ``SettingsError`` for anything else."""
    match = _DURATION.fullmatch(text.strip())
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_S:
        raise SettingsError([f"{text!r} is no duration; expected a number and s, m, h or d. Example: 30m"])
    return float(seconds)


def in_words(seconds: float) -> str:
    """``seconds`` for people."""
    if seconds < 100:  # noqa: PLR2004 - up to where seconds are read easily
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"


def add_why(parser: argparse.ArgumentParser) -> None:
    """The reason, for the audit log."""
    parser.add_argument("--why", default="", metavar="TEXT", help="for the audit log; names are left out of it")


def why_of(arguments: argparse.Namespace) -> str:
    """The reason without names."""
    return without_names(arguments.why)
