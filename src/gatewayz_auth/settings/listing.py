"""Every setting with its value, where that comes from, and what may be put in its place."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from gatewayz_auth.settings.knobs import KNOBS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NEAR = 0.6


@dataclass(frozen=True, slots=True)
class Listed:
    """One setting; a secret's ``value`` is ``set`` or ``not set``. ``source``: default, .env, environment, runtime."""

    name: str
    value: str
    source: str
    default: str
    range: str
    tunes: str
    advice: str = ""


def listing(
    cwd: Path, runtime: Mapping[str, str], advice: Mapping[str, str], environ: Mapping[str, str] | None = None
) -> tuple[Listed, ...]:
    """All of them, in the order of the catalogue; ``runtime`` is what was changed while running, by name."""
    real = os.environ if environ is None else environ
    written = dotenv_values(cwd / ".env", interpolate=False, encoding="utf-8-sig")
    rows = []
    for knob in KNOBS:
        value, source = knob.default, "default"
        for place, values in ((".env", written), ("environment", real), ("runtime", runtime)):
            if (values.get(knob.name) or "").strip():
                value, source = (values[knob.name] or "").strip(), place
        if knob.is_secret or _may_hold_a_password(knob.form):
            value = "set" if value else "not set"
        default = knob.default_note or knob.default or "none"
        rows.append(Listed(knob.name, value or "", source, default, knob.form, knob.meaning, advice.get(knob.name, "")))
    return tuple(rows)


def _may_hold_a_password(form: str) -> bool:
    return "URL" in form


def nearest(name: str) -> str | None:
    """The setting that ``name`` may have been meant for."""
    near = difflib.get_close_matches(name.upper(), [knob.name for knob in KNOBS], n=1, cutoff=_NEAR)
    return near[0] if near else None
