"""Lengths of time as people write and read them."""

from __future__ import annotations

import re

from gatewayz_auth.domain.errors import SettingsError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]+)([smhd])")
_LONGEST_S = 366 * 86400


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
