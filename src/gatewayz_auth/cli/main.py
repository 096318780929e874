"""``gatewayz-auth``: finds the verb, and says in one sentence what went wrong."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

from gatewayz_auth import __version__
from gatewayz_auth.cli import output
from gatewayz_auth.cli.parser import EXIT_USAGE, Parser, did_you_mean
from gatewayz_auth.domain.errors import OperatorError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Verb(Protocol):
        """What a verb's module offers."""

        EXAMPLE: str

        def add_arguments(self, parser: argparse.ArgumentParser) -> None:
            """Name its arguments."""
            ...

        def run(self, arguments: argparse.Namespace) -> int:
            """Do it and answer the exit code."""
            ...


VERBS = {
    "serve": "start the service; with --dev everything that it needs as well",
    "worker": "work referrals and mail off; several share the work",
    "migrate": "bring the database to the newest schema",
    "status": "how the running service is, in one sentence; the exit code says it too",
    "watch": "the same and its figures, live on one screen; after a deployment, whether it is worse than before",
    "doctor": "what is wrong with anything that sign-ins need, why it matters, what to do",
    "preflight": "the checklist before a deployment, as checks that run",
    "load": "callers who come at a rate, answered or not, and a report of what they saw",
    "users": "look people up; keep them out or let them in; forget, export, erase them",
    "keys": "a person's keys by prefix; end one for good",
    "referrals": "look at referrals, work them off, try failed ones again, take a reward back",
    "settings": "what every setting is and should be; change some while it runs",
    "rollout": "safety features for a share of people, stage by stage; halts by itself",
    "rollback": "go back within seconds, whatever is frozen; undo takes it back",
    "dev-token": "print a sign-in's body with development tokens",
    "completion": "a script that completes all this in bash, zsh or fish",
}
"""Each verb and what it does; ``dev-token`` lives in ``cli/dev_token.py``, imported when it is asked for."""

EXIT_FAULT, EXIT_INTERRUPTED = 1, 130

_MISSING = " is missing; expected "
_HOW = "Set them as docs/how-to/configure.md says, or try it without any: gatewayz-auth serve --dev"

_FIRST_SCREEN = """\
gatewayz-auth {version}: sign-in for API platforms

  gatewayz-auth serve --dev                 everything on this machine, nothing to set up
  gatewayz-auth serve --port 8000           with the settings of the environment; `migrate` goes before
  gatewayz-auth status                      how the running service is, in one sentence
  gatewayz-auth doctor                      what is wrong, why it matters, what to do
  gatewayz-auth rollback --partial          back to what is sure within 5 s; `rollback undo` takes it back

All verbs:
{verbs}

gatewayz-auth VERB --help tells more, with an example. Every verb takes --json."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 when done, 1 where it could not be done, 2 where it was asked wrongly or settings are wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        return _answer(words, as_json=as_json)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # whoever read us has gone; do not fail once more while flushing
        return EXIT_FAULT


def _answer(words: list[str], *, as_json: bool) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_first_screen(), flush=True)
        return 0
    if words[0] == "--version":
        return _version(as_json=as_json)
    if words[0] not in VERBS:
        hint = did_you_mean(words[0], [*VERBS, "--help", "--version"])
        said = f"there is no {words[0]!r}: {hint}gatewayz-auth --help lists every verb"
        output.fault("usage", said, as_json=as_json)
        return EXIT_USAGE
    return _run(words[0], words[1:], as_json=as_json)


def parser_of(name: str, *, as_json: bool = False) -> Parser:
    """The parser of one verb, whose module alone is imported; faults are told as JSON with ``as_json``."""
    verb = _module(name)
    parser = Parser(
        prog=f"gatewayz-auth {name}",
        description=f"{VERBS[name][0].upper()}{VERBS[name][1:]}.",
        epilog=f"Example:\n  {verb.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.as_json = as_json
    verb.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="answer with JSON, for other programs")
    return parser


def _run(name: str, words: list[str], *, as_json: bool) -> int:
    try:
        return _module(name).run(parser_of(name, as_json=as_json).parse_args(words))
    except OperatorError as error:
        text = str(error)
        output.fault(error.code, f"{text}\n{_HOW}" if _MISSING in text else text, as_json=as_json)
        return EXIT_USAGE if isinstance(error, SettingsError) else EXIT_FAULT


def _version(*, as_json: bool) -> int:
    from gatewayz_auth.adapters.figures.build import exact_commit  # noqa: PLC0415 - nobody else needs it here

    commit = exact_commit()
    text = f"gatewayz-auth {__version__} (commit {commit})"
    output.show({"version": __version__, "commit": commit}, text, as_json=as_json)
    return 0


def _module(name: str) -> Verb:
    module: Verb = importlib.import_module(f"gatewayz_auth.cli.{name.replace('-', '_')}")
    return module


def _first_screen() -> str:
    verbs = "\n".join(f"  {name:12}{what}" for name, what in VERBS.items())
    return _FIRST_SCREEN.format(version=__version__, verbs=verbs)
