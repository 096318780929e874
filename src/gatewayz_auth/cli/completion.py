"""``gatewayz-auth completion``: what a shell needs to complete verbs, words and options, written from the parsers."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from gatewayz_auth.cli import output

if TYPE_CHECKING:
    import argparse

EXAMPLE = 'eval "$(gatewayz-auth completion bash)"'
_SHELLS = ("bash", "zsh", "fish")
_HEAD = "# Completion of gatewayz-auth, written by `gatewayz-auth completion`.\n"


class Words(NamedTuple):
    """What may stand behind a verb: ``first`` its own words, ``options`` with what each takes (none: anything)."""

    verb: str
    what: str
    first: tuple[str, ...]
    options: dict[str, tuple[str, ...]]
    flags: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("shell", choices=_SHELLS, help="for which shell")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell](vocabulary())
    output.show({"shell": arguments.shell, "script": script}, script.rstrip("\n"), as_json=arguments.json)
    return 0


def vocabulary() -> list[Words]:
    """Every verb's words, as its parser knows them."""
    from gatewayz_auth.cli.main import VERBS, parser_of  # noqa: PLC0415 - it imports this module by its name

    return [_words(verb, what, parser_of(verb)) for verb, what in VERBS.items()]


def _words(verb: str, what: str, parser: argparse.ArgumentParser) -> Words:
    first: tuple[str, ...] = ()
    options: dict[str, tuple[str, ...]] = {}
    flags: list[str] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
        choices = tuple(str(choice) for choice in action.choices or ())
        for name in action.option_strings:
            if action.nargs == 0:
                flags.append(name)
            else:
                options[name] = choices
        if not action.option_strings and not first:
            first = choices
    return Words(verb, what, first, options, tuple(flags))


def _cases(words: Words) -> list[str]:
    """What ``case VERB:WORD-BEFORE`` offers: an option's own words behind it, else all of the verb's."""
    behind = [
        f"        {words.verb}:{name}) offered={shlex.quote(' '.join(takes))} ;;"
        for name, takes in words.options.items()
    ]
    offered = " ".join([*words.first, *words.options, *words.flags])
    return [*behind, f"        {words.verb}:*) offered={shlex.quote(offered)} ;;"]


def _bash(verbs: list[Words]) -> str:
    first = " ".join([*(words.verb for words in verbs), "--help", "--version"])
    lines = [
        "_gatewayz_auth() {",
        '    local now="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" offered',
        f'    if [ "$COMP_CWORD" = 1 ]; then offered={shlex.quote(first)}',
        '    else case "${COMP_WORDS[1]}:$before" in',
        *(line for words in verbs for line in _cases(words)),
        "    esac; fi",
        '    mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$now")',
        "}",
        "complete -o default -F _gatewayz_auth gatewayz-auth",
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _zsh(verbs: list[Words]) -> str:
    told = " ".join(shlex.quote(f"{words.verb}:{words.what}") for words in verbs)
    lines = [
        "_gatewayz_auth() {",
        f"    local -a verbs=({told})",
        '    local offered="" before="${words[CURRENT-1]}"',
        "    if (( CURRENT == 2 )); then _describe verb verbs; return; fi",
        '    case "${words[2]}:$before" in',
        *(line for words in verbs for line in _cases(words)),
        "    esac",
        "    compadd -- ${=offered} || _files",
        "}",
        "compdef _gatewayz_auth gatewayz-auth",
    ]
    return "#compdef gatewayz-auth\n" + _HEAD + "\n".join(lines) + "\n"


def _fish(verbs: list[Words]) -> str:
    lines = ["complete -c gatewayz-auth -f", "complete -c gatewayz-auth -n __fish_use_subcommand -l version -l help"]
    for words in verbs:
        where = f"-n '__fish_seen_subcommand_from {words.verb}'"
        lines.append(f"complete -c gatewayz-auth -n __fish_use_subcommand -a {words.verb} -d {_fished(words.what)}")
        if words.first:
            lines.append(f"complete -c gatewayz-auth {where} -a {_fished(' '.join(words.first))}")
        lines += [f"complete -c gatewayz-auth {where} {_fish_name(name)}" for name in words.flags]
        for name, takes in words.options.items():
            given = f"-x -a {_fished(' '.join(takes))}" if takes else "-r"
            lines.append(f"complete -c gatewayz-auth {where} {_fish_name(name)} {given}")
    return _HEAD + "\n".join(lines) + "\n"


def _fish_name(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _fished(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
