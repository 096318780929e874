"""Plain dictionaries as JSON and back: what a database client hands out comes back equal to what went in.

Beside JSON's own values there may be ``datetime``, ``date``, ``time``, ``Decimal``, ``UUID`` and ``bytes``; each is
written as an object with one name that begins with ``$``. Tuples come back as lists.
"""

from __future__ import annotations

import base64
import json
import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_READERS: dict[str, Callable[[Any], Any]] = {
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$decimal": Decimal,
    "$uuid": uuid.UUID,
    "$bytes": base64.b64decode,
    "$dict": lambda plain: plain,
}


def _tagged(value: object) -> Any:  # noqa: ANN401, C901, PLR0911 - one line a type
    """``value`` of JSON's own values alone; ``TypeError`` for what is none of the types above."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        plain = {}
        for name, part in value.items():
            if not isinstance(name, str):
                raise TypeError("names of a remembered dictionary are text")
            plain[name] = _tagged(part)
        is_like_ours = len(plain) == 1 and next(iter(plain)) in _READERS
        return {"$dict": [list(item) for item in plain.items()]} if is_like_ours else plain
    if isinstance(value, list | tuple):
        return [_tagged(part) for part in value]
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, time):
        return {"$time": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, uuid.UUID):
        return {"$uuid": str(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} cannot be remembered")


def _untagged(value: Any) -> Any:  # noqa: ANN401 - whatever JSON held
    if isinstance(value, list):
        return [_untagged(part) for part in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        name, content = next(iter(value.items()))
        if name == "$dict":
            return {key: _untagged(part) for key, part in content}
        if name in _READERS:
            return _READERS[name](content)
    return {name: _untagged(part) for name, part in value.items()}


def to_json(plain: object) -> bytes:
    """``plain`` as JSON; ``TypeError`` or ``ValueError`` where something in it cannot be remembered."""
    return json.dumps(_tagged(plain), separators=(",", ":")).encode()


def from_json(text: bytes) -> Any:  # noqa: ANN401 - whatever was remembered
    """What ``to_json`` was given; ``ValueError``, ``TypeError`` or ``ArithmeticError`` where it wrote nothing such."""
    return _untagged(json.loads(text))
