"""How a letter is written from its template: what people have called themselves can end nothing and open nothing."""

from __future__ import annotations

import html
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayz_auth.domain.identity import without_controls
from gatewayz_auth.domain.mail import Letter

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_VALUE_LENGTH = 80
_SUBJECT = "Subject: "


class LetterError(ValueError):
    """A letter cannot be written: there is no such template, or what it shows was not given."""


@dataclass(frozen=True, slots=True)
class LetterTemplate:
    """One kind of letter in one language; ``$name`` stands for a value. The text's first line is ``Subject: …``."""

    language: str
    text: str
    html: str

    def written(self, values: Mapping[str, object]) -> Letter:
        """The letter with ``values`` in it, made plain for the text and escaped for HTML; ``LetterError`` if one lacks.

        A value is one line, without control characters, at most ``MAX_VALUE_LENGTH`` long.
        """
        plain = {name: plain_value(value) for name, value in values.items()}
        escaped = {name: html.escape(value) for name, value in plain.items()}
        head, _, body = self.text.partition("\n")
        if not head.startswith(_SUBJECT):
            raise LetterError("the template has no subject")
        try:
            return Letter(
                self.language,
                string.Template(head.removeprefix(_SUBJECT)).substitute(plain),
                string.Template(body.strip("\n") + "\n").substitute(plain),
                string.Template(self.html).substitute(escaped),
            )
        except (KeyError, ValueError) as error:
            raise LetterError(f"the template wants what was not given ({type(error).__name__})") from None


def plain_value(value: object) -> str:
    """``value`` as one short line of visible characters; ``…`` shows where it was cut."""
    line = without_controls(str(value))
    return line if len(line) <= MAX_VALUE_LENGTH else line[: MAX_VALUE_LENGTH - 1] + "…"
