"""Reads a verb's arguments; what was asked wrongly is said in one sentence, with what may have been meant."""

from __future__ import annotations

import argparse
import difflib
from typing import TYPE_CHECKING, Any, NoReturn

from gatewayz_auth.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterable

EXIT_USAGE = 2
_NEAR = 0.6


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean X?`` and a blank, or nothing where no word of ``known`` is near."""
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=_NEAR)
    return f"did you mean {near[0]}? " if near else ""


class Parser(argparse.ArgumentParser):
    """Says what was asked wrongly as every fault is said, as JSON too."""

    as_json = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - as argparse has it
        """The arguments; an option that is unknown is refused first, since its value would be taken for a word."""
        for word in args or ():
            if word == "--":
                break
            name = word.partition("=")[0]
            if name.startswith("--") and name not in self._option_string_actions:
                self._refuse(f"there is no {name}", did_you_mean(name, self._option_string_actions))
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401 - as argparse has it
        """Refuse what is no choice of ``action``, and say which one is near."""
        choices = [str(choice) for choice in action.choices or ()]
        if action.choices is not None and value not in action.choices:
            name = action.metavar or action.option_strings[-1:] or action.dest
            what = name if isinstance(name, str) else " ".join(name)
            self._refuse(f"{what} cannot be {value!r}, only {', '.join(choices)}", did_you_mean(str(value), choices))

    def error(self, message: str) -> NoReturn:
        """Say it with where to read on, and end with 2."""
        self._refuse(message, "")

    def _refuse(self, message: str, hint: str) -> NoReturn:
        sign = ":" if hint else ";"
        output.fault("usage", f"{message}{sign} {hint}{self.prog} --help shows an example", as_json=self.as_json)
        raise SystemExit(EXIT_USAGE)
