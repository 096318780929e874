"""How commands speak: for people, or as JSON for programs."""

from __future__ import annotations

import json
import sys


def show(facts: object, text: str, *, as_json: bool) -> None:
    """Print ``facts`` as one JSON document, or ``text``, to standard output."""
    print(json.dumps(facts) if as_json else text, flush=True)


def fault(code: str, message: str, *, as_json: bool) -> None:
    """Say what went wrong: to standard error, or as ``{"error": {"code": …, "detail": …}}`` to standard output."""
    if as_json:
        print(json.dumps({"error": {"code": code, "detail": message}}), flush=True)
    else:
        print(f"gatewayz-auth: {message}", file=sys.stderr, flush=True)
