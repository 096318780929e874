"""The manual page, from the same parsers as the page of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth import __version__
from gatewayz_auth.cli.main import VERBS, parser_of

if TYPE_CHECKING:
    import argparse

_HEAD = r""".\" Written by tools/write_reference.py from the parsers; change those, then run it.
.TH GATEWAYZ\-AUTH 1 "" "gatewayz\-auth {version}" "User Commands"
.SH NAME
gatewayz\-auth \- sign\-in for API platforms: always an answer in time, never a wrong one
.SH SYNOPSIS
.B gatewayz\-auth
.I VERB
.RI [ arguments ]
.br
.B gatewayz\-auth \-\-version
.SH DESCRIPTION
A Privy token goes in, it is proven, and the person's account and API key come out. Each verb below is one command;
.B \-\-help
behind it tells more, and every verb takes
.BR \-\-json .
Settings come from the environment and from a file
.I .env
in the working directory.
.SH VERBS
"""
_TAIL = r""".SH EXIT STATUS
.TP
.B 0
done
.TP
.B 1
could not be done; one line on standard error says why and what to do
.TP
.B 2
asked wrongly, or settings are wrong
.TP
.B 130
interrupted
.SH FILES
.TP
.I .env
settings, where the environment does not name them
.TP
.I .state
data of the embedded servers and the service's small state (STATE_DIR)
"""


def man_page() -> str:
    """``gatewayz-auth.1``."""
    verbs = "".join(_verb(name, what) for name, what in VERBS.items())
    return _HEAD.replace("{version}", __version__) + verbs + _TAIL


def _verb(name: str, what: str) -> str:
    parser = parser_of(name)
    lines = [f".SS {_escaped(name)}", f"{_escaped(what[0].upper() + what[1:])}."]
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
        if action.dest != "help":
            lines += [".TP", _names(action), _escaped(" ".join((action.help or "").split())) or "see above"]
    example = (parser.epilog or "").partition("\n")[2].strip()
    lines += [".PP", "Example:", ".PP", ".nf", ".RS", _escaped(example), ".RE", ".fi"]
    return "\n".join(lines) + "\n"


def _names(action: argparse.Action) -> str:
    shown = ", ".join(rf"\fB{_escaped(name)}\fR" for name in action.option_strings)
    value = action.metavar if isinstance(action.metavar, str) else ""
    if not value and action.choices:
        value = "|".join(str(choice) for choice in action.choices)
    if not action.option_strings:
        return rf"\fI{_escaped(value or action.dest)}\fR"
    return rf"{shown} \fI{_escaped(value)}\fR" if value else shown


def _escaped(text: str) -> str:
    safe = text.replace("\\", r"\e").replace("-", r"\-").replace("…", "...")
    return "\n".join(rf"\&{line}" if line[:1] in {".", "'"} else line for line in safe.splitlines())
