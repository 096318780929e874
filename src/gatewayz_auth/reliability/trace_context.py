"""Which trace the work under way belongs to, where requests are traced; carried along by every task it starts."""

from __future__ import annotations

import re
from contextvars import ContextVar

TRACEPARENT: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""As W3C writes it: ``00-<trace>-<span>-<flags>``; None where nothing is traced."""

_FORM = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def is_traceparent(text: str) -> bool:
    """Whether ``text`` has the form; what a caller sends may be anything."""
    return _FORM.fullmatch(text) is not None
