"""Letters from ``templates/<language>/<kind>.txt`` and ``.html``: a language more is a folder more."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import TYPE_CHECKING

from gatewayz_auth.domain.letters import LetterError, LetterTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.domain.mail import Letter

FALLBACK = "en"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")


@functools.lru_cache(maxsize=256)
def _template(kind: str, language: str) -> LetterTemplate | None:
    folder = resources.files(__package__ or "") / "templates" / language
    text, html = folder / f"{kind}.txt", folder / f"{kind}.html"
    if not text.is_file() or not html.is_file():
        return None
    return LetterTemplate(language, text.read_text("utf-8"), html.read_text("utf-8"))


class LetterFiles:
    """``service.mail.Letters`` over the files of this package."""

    def write(self, kind: str, language: str, values: Mapping[str, object]) -> Letter:
        """The letter in ``language``, in its language without a region, or in English; ``LetterError``."""
        if _NAME.fullmatch(kind) is None:
            raise LetterError("no template is called that")
        wanted = language.lower() if _LANGUAGE.fullmatch(language.lower()) else FALLBACK
        for name in (wanted, wanted.partition("-")[0], FALLBACK):
            template = _template(kind, name)
            if template is not None:
                return template.written(values)
        raise LetterError("no template is called that")
