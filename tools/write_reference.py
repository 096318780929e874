"""Writes the reference pages that follow from the code: settings, errors, command line, the manual page.

``python tools/write_reference.py`` writes them, ``--check`` only says which are out of date (exit code 1).
"""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

from reference_of_man import man_page
from reference_of_telemetry import logs_page, metrics_page

from gatewayz_auth.cli.main import VERBS, parser_of
from gatewayz_auth.domain.errors import GatewayzAuthError
from gatewayz_auth.settings import KNOBS
from gatewayz_auth.web.problems import PROBLEMS

DOCS = Path(__file__).resolve().parents[1] / "docs"
_NOTE = "<!-- Written by tools/write_reference.py; change the code or the runbook page, then run it. -->\n"


def settings_page() -> str:
    """Every knob: default, form, meaning, example."""
    lines = [
        "# Settings\n",
        _NOTE,
        "Read once at start, from the environment and from a file `.env` in the working directory; the environment",
        "goes first. In the file a `$` stands for itself. A bad value stops the start with one message that names",
        "every fault; secrets are never printed. A name that looks like a typing error of one of these is warned of.\n",
        "A timeout of 30 s or more is refused: callers give up at 30 s.\n",
        "| name | default | form | what it does |",
        "|---|---|---|---|",
    ]
    for knob in KNOBS:
        default = knob.default_note or (f"`{knob.default}`" if knob.default is not None else "none")
        secret = " Secret." if knob.is_secret else ""
        lines.append(f"| `{knob.name}` | {_cell(default)} | {_cell(knob.form)} | {_cell(knob.meaning)}{secret} |")
    lines += [
        "\n## Examples\n",
        "One accepted value of each; `$(…)` is a command for a shell, not a value.\n",
        "```text",
    ]
    lines += [f"{knob.name}={knob.example}" for knob in KNOBS]
    lines += ["```\n", "How to choose them: [Configure it](../how-to/configure.md)."]
    return "\n".join(lines) + "\n"


def codes() -> dict[str, str]:
    """Every error code and the sentence of its class or problem."""
    found = {problem.code: problem.detail for problem in PROBLEMS.values()}
    for cls in _tree(GatewayzAuthError):
        found[cls.code] = (cls.__doc__ or "").strip().partition("\n")[0]
    return dict(sorted(found.items()))


def runbook_page(code: str) -> str:
    """The name of the page that tells an operator what to do about ``code``."""
    return code.replace("_", "-") + ".md"


def errors_page() -> str:
    """Every code: HTTP status, meaning, what the caller does, the operators' page."""
    lines = [
        "# Errors\n",
        _NOTE,
        "Callers get `application/problem+json` (RFC 9457): `type` (`urn:gatewayz-auth:problem:` and the code with",
        "dashes), `title`, `status`, `detail`, `request_id`, and `errors[]` (`pointer`, `detail`) where fields are",
        "wrong. A 401 never says which check failed; operators see the reason as a metric's label.\n",
        "| code | HTTP | meaning | what a caller does | operators |",
        "|---|---|---|---|---|",
    ]
    for code, meaning in codes().items():
        problem = PROBLEMS.get(code)
        status = str(problem.status) if problem else "none"
        page = runbook_page(code)
        lines.append(f"| `{code}` | {status} | {_cell(meaning)} | {_cell(_advice(page))} | [page](../runbook/{page}) |")
    tree = re.search(r"::\n\n(.*?)\n\n", sys.modules[GatewayzAuthError.__module__].__doc__ or "", re.DOTALL)
    lines += ["\nA code without an HTTP status stands for a branch of the tree, or is told to operators alone.\n"]
    lines += ["## The tree\n", "```text", re.sub(r"(?m)^    ", "", tree[1]) if tree else "", "```"]
    return "\n".join(lines) + "\n"


def command_line_page() -> str:
    """Every verb with its arguments and an example."""
    lines = [
        "# Command line\n",
        _NOTE,
        "`make setup` puts it at `.venv/bin/gatewayz-auth`. Every verb takes `--json`. Exit codes: 0 done, 1 could not",
        "be done, 2 asked wrongly or settings are wrong, 130 interrupted.\n",
        "What takes its time says on a terminal, on standard error, what it does and for how long already. Piped, or",
        "with `--json`, only `load` and `watch --after-deploy` do, by a line now and then. A typing error in a verb, a",
        "word or an option is answered with what may have been meant, and ends with 2.\n",
    ]
    for name, what in VERBS.items():
        parser = parser_of(name)
        lines += [
            f"## `gatewayz-auth {name}`\n",
            f"{what[0].upper()}{what[1:]}.\n",
            "| argument | meaning |",
            "|---|---|",
        ]
        for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
            if action.dest == "help":
                continue
            words = ", ".join(action.option_strings) or (action.metavar or action.dest)
            value = f" {action.metavar}" if action.option_strings and action.metavar else ""
            lines.append(f"| `{words}{value}` | {_cell(action.help or '')} |")
        example = (parser.epilog or "").partition("\n")[2].strip()
        lines += ["\n```text", example, "```\n"]
    return "\n".join(lines).rstrip("\n") + "\n"


PAGES = {
    "reference/settings.md": settings_page,
    "reference/errors.md": errors_page,
    "reference/command-line.md": command_line_page,
    "man/gatewayz-auth.1": man_page,
    "reference/metrics.md": partial(metrics_page, _NOTE),
    "reference/logs.md": partial(logs_page, _NOTE),
}


def _tree(cls: type[GatewayzAuthError]) -> list[type[GatewayzAuthError]]:
    return [cls, *(found for child in cls.__subclasses__() for found in _tree(child))]


def _advice(page: str) -> str:
    text = (DOCS / "runbook" / page).read_text(encoding="utf-8")
    said = re.search(r"\*\*Caller:\*\* (.*?)\n\n", text, re.DOTALL)
    if said is None:
        raise SystemExit(f"docs/runbook/{page} does not say what the **Caller:** does")
    return " ".join(said[1].split())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write or check every page; the exit code says whether all were current."""
    stale = [name for name, page in PAGES.items() if _read(name) != page()]
    if "--check" not in arguments:
        for name in stale:
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
            print(f"written: docs/{name}")
        return 0
    for name in stale:
        print(f"out of date: docs/{name}; run python tools/write_reference.py")
    return 1 if stale else 0


def _read(name: str) -> str:
    path = DOCS / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
