"""The command line: what it says first, and how it says no."""

import json
import subprocess
import sys

import pytest

from gatewayz_auth import __version__
from gatewayz_auth.adapters.figures.build import exact_commit
from gatewayz_auth.cli import main as command_line


def test_without_a_verb_the_most_useful_commands_are_shown(capsys):
    assert command_line.main([]) == 0
    shown = capsys.readouterr().out
    assert "gatewayz-auth serve --dev" in shown
    for verb in command_line.VERBS:
        assert f"  {verb}" in shown


def test_version_for_people_and_for_programs(capsys):
    assert command_line.main(["--version"]) == 0
    commit = exact_commit()
    assert capsys.readouterr().out == f"gatewayz-auth {__version__} (commit {commit})\n"
    assert command_line.main(["--version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": __version__, "commit": commit}


def test_an_unknown_verb_is_one_sentence_and_exit_code_two(capsys):
    assert command_line.main(["srve"]) == 2
    assert capsys.readouterr().err == "gatewayz-auth: there is no 'srve': gatewayz-auth --help lists every verb\n"
    assert command_line.main(["srve", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


@pytest.mark.parametrize("verb", command_line.VERBS)
def test_every_verb_explains_itself_with_an_example_and_takes_json(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.main([verb, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"gatewayz-auth {verb}" in shown.split("Example:")[1]
    assert "--json" in shown


def test_what_is_asked_wrongly_of_a_verb_is_said_in_one_sentence_and_as_json(capsys):
    for words in (["users", "shwo"], ["rollout", "--stagse", "5"], ["migrate", "--to", "x"]):
        with pytest.raises(SystemExit) as ended:
            command_line.main([*words, "--json"])
        assert ended.value.code == 2
        error = json.loads(capsys.readouterr().out)["error"]
        assert (error["code"], f"gatewayz-auth {words[0]} --help" in error["detail"]) == ("usage", True)
        with pytest.raises(SystemExit):
            command_line.main(words)
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_first_screen_loads_neither_web_nor_drivers():
    code = (
        "import sys; from gatewayz_auth.cli.main import main; main([]);"
        "print(sorted({'fastapi', 'psycopg', 'uvicorn'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.endswith("[]\n")


@pytest.mark.parametrize("verb", ["rollback", "rollout", "settings"])
def test_what_is_typed_in_a_hurry_waits_for_neither_web_nor_redis_to_be_loaded(verb):
    code = (
        f"import sys, gatewayz_auth.cli.{verb};"
        "print(sorted({'fastapi', 'redis', 'uvicorn', 'cryptography'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
