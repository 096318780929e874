"""What the breakers' history says of a neighbour: whether it answers, since when, and whether it is just back."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from gatewayz_auth.service.snapshot import Answering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewayz_auth.service.history import Frame
    from gatewayz_auth.service.snapshot import Neighbour

GIVEN_UP_OVER_S = 60.0
RECOVERED_FOR_S = 60.0
"""So long after an outage it is worth saying that it is over."""

PHASES = ("closed", "half_open", "open")
_WORDS = {"open": "opened", "half_open": "half-open, trying", "closed": "closed again"}
_CHANGE = re.compile(r"(\w+): (\w+) -> (\w+) \((.*)\)")


def neighbour_by_breaker(name: str, frames: Sequence[Frame], at_s: float) -> tuple[Answering, float | None, str]:
    """How ``name`` does at ``at_s`` by the ``frames`` so far, since when (None: all along), and its breaker's phase."""
    if not frames:
        return Answering.ANSWERS, None, PHASES[0]
    newest = frames[-1].breakers.get(name, 0)
    changed_s: float | None = None
    for frame in reversed(frames):
        if bool(frame.breakers.get(name, 0)) != bool(newest):
            changed_s = float(frame.at_s)
            break
    if newest:
        since_s = changed_s if changed_s is not None else float(frames[0].at_s - frames[0].span_s)
        return Answering.SILENT, since_s, PHASES[min(newest, 2)]
    if changed_s is not None and at_s - changed_s < RECOVERED_FOR_S:
        return Answering.RECOVERING, changed_s, PHASES[0]
    return Answering.ANSWERS, changed_s, PHASES[0]


def times_given_up(name: str, frames: Sequence[Frame], at_s: float) -> int:
    """How often its breaker left ``closed`` within the minute before ``at_s``."""
    lately = [bool(frame.breakers.get(name, 0)) for frame in frames if frame.at_s > at_s - GIVEN_UP_OVER_S]
    return sum(after and not before for before, after in itertools.pairwise(lately))


def ribbon(name: str, frames: Sequence[Frame]) -> list[tuple[int, int, str]]:
    """The breaker's phases over the ``frames`` as ``(from, to, phase)``; times that nobody saw are left out."""
    pieces: list[tuple[int, int, str]] = []
    for frame in frames:
        phase = PHASES[min(frame.breakers.get(name, 0), 2)]
        start = frame.at_s - frame.span_s
        if pieces and pieces[-1][2] == phase and start - pieces[-1][1] <= frame.span_s:
            pieces[-1] = (pieces[-1][0], frame.at_s, phase)
        else:
            pieces.append((start, frame.at_s, phase))
    return pieces


def outage_of(frames: Sequence[Frame], database: Neighbour) -> tuple[float | None, int]:
    """How long the outage was that is over, and how many were answered 503 in it; ``None, 0`` where none just ended."""
    if database.state is not Answering.RECOVERING:
        return None, 0
    away = [piece for piece in ribbon("postgres", frames) if piece[2] != PHASES[0]]
    if not away:
        return None, 0
    start_s = end_s = away[-1][1]
    for piece in reversed(away):  # open and half-open by turns are one outage
        if piece[1] < start_s:
            break
        start_s = piece[0]
    asked = sum(frame.answered.get("unknown", 0) for frame in frames if start_s < frame.at_s <= end_s + 1)
    return float(end_s - start_s), asked


def breaker_in_words(text: str) -> str:
    """``postgres: closed -> open (slow)`` as a person says it."""
    match = _CHANGE.fullmatch(text)
    if match is None:
        return text
    name, _, after, reason = match.groups()
    return f"{name.capitalize()} breaker {_WORDS.get(after, after)} ({reason})"
