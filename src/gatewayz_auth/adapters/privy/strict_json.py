"""JSON that has one reading: whatever two parsers could take differently is refused."""

from __future__ import annotations

import json

import orjson


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name twice")
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_members)


def parse(raw: bytes | str) -> object:
    """The value that ``raw`` (UTF-8) spells; ``ValueError`` for anything that is not strict.

    Refused: other encodings and a byte order mark, NaN and Infinity, lone surrogates, a name twice in one object,
    nesting too deep to be read. Whole numbers come as ``int`` whatever their size.
    """
    try:
        value: object = orjson.loads(raw)  # strict in all but names that come twice, and floats for huge numbers
        written = orjson.dumps(value)
        if written == raw:
            return value  # what is written back the same has no name twice; the usual token, at a third of the price
        text = raw if isinstance(raw, str) else raw.decode()
        return _DECODER.decode(text)
    except (RecursionError, TypeError):  # some 250 levels, whichever of the three gives up first
        raise ValueError("nested too deep") from None


def parse_object(raw: bytes | str) -> dict[str, object]:
    """The object that ``raw`` spells; ``ValueError`` where it is none or is not strict."""
    value = parse(raw)
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - the caller knows one error for all that is not read
    return value
