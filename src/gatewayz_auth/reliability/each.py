"""One step for many at once: whoever fails has an error of their own, and the others go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gatewayz_auth.domain.errors import NotKnown, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
U = TypeVar("U")


def each(step: Callable[[T], U], items: Iterable[T | Exception]) -> list[U | Exception]:
    """What ``step`` makes of each of ``items``, in order, or the error it raised; errors are handed on as such."""
    made: list[U | Exception] = []
    add = made.append
    for item in items:
        if isinstance(item, Exception):
            add(item)
            continue
        try:
            add(step(item))
        except Exception as error:  # noqa: BLE001 - it is the item's own, kept for whoever asks for the item
            if isinstance(error, (Refused, NotKnown)):
                error.with_traceback(None)  # an answer like others; its frames would hold all of them, and they it
            add(error)
    return made


def one(outcomes: list[U | Exception]) -> U:
    """The only one of ``outcomes``, raised where it is an error."""
    (outcome,) = outcomes
    if isinstance(outcome, Exception):
        try:
            raise outcome
        finally:
            del outcome, outcomes  # or the error would hold this frame, and this frame the error
    return outcome
