"""The closed tree of errors: every class has a code of its own and stands in the drawing."""

from __future__ import annotations

import re

import pytest

from gatewayz_auth.domain import errors
from gatewayz_auth.domain.errors import GatewayzAuthError, NotKnown, OperatorError, QueryTimeoutError, Refused


def tree(root: type[GatewayzAuthError]) -> list[type[GatewayzAuthError]]:
    return [root, *(found for child in root.__subclasses__() for found in tree(child))]


CLASSES = [cls for cls in tree(GatewayzAuthError) if cls.__module__.startswith("gatewayz_auth.")]


def test_every_class_has_a_code_of_its_own():
    assert all("code" in vars(cls) for cls in CLASSES)
    assert len({cls.code for cls in CLASSES}) == len(CLASSES)
    assert all(re.fullmatch(r"[a-z][a-z_]*", cls.code) for cls in CLASSES)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_stands_in_the_drawing_under_its_parent(cls):
    drawing = errors.__doc__ or ""
    lines = {match[2]: len(match[1]) for match in re.finditer(r"^([ │├└─]*)([A-Z]\w+)", drawing, re.MULTILINE)}
    assert cls.__name__ in lines
    parent = cls.__mro__[1]
    if parent is not Exception:
        above = [name for name, indent in lines.items() if indent < lines[cls.__name__]]
        order = list(lines)
        assert [
            name
            for name in order[: order.index(cls.__name__)]
            if name in above and lines[name] == lines[parent.__name__]
        ][-1] == parent.__name__


def test_the_tree_is_closed_three_branches_and_no_stranger():
    assert set(GatewayzAuthError.__subclasses__()) == {Refused, NotKnown, OperatorError}
    assert {cls.__module__ for cls in CLASSES} == {"gatewayz_auth.domain.errors"}


def test_not_known_is_never_taken_for_refused():
    assert not issubclass(QueryTimeoutError, Refused)
    assert issubclass(QueryTimeoutError, NotKnown)


def test_all_faults_stand_in_the_message_of_a_settings_error():
    error = errors.SettingsError(["one is wrong", "two is wrong"])
    assert str(error) == "one is wrong\ntwo is wrong"
    assert error.faults == ("one is wrong", "two is wrong")
