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
    useful = [line.split("  ")[1] for line in shown.splitlines() if line.startswith("  gatewayz-auth ")]
    assert [words.split()[1] for words in useful] == ["serve", "serve", "status", "doctor", "rollback"]
    for words in useful:
        _, verb, *given = words.split()
        assert command_line.parser_of(verb).parse_args(given)
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
    said = "there is no 'srve': did you mean serve? gatewayz-auth --help lists every verb"
    assert capsys.readouterr().err == f"gatewayz-auth: {said}\n"
    assert command_line.main(["srve", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["doctr"], "doctor"),
        (["user", "show", "ada"], "users"),
        (["Status"], "status"),
        (["--verison"], "--version"),
        (["users", "shwo", "ada"], "show"),
        (["referrals", "list", "--status", "faild"], "failed"),
        (["rollout", "start", "--stagse", "5"], "--stages"),
        (["rollout", "--stagse", "5"], "--stages"),
        (["rollback", "--partail"], "--partial"),
        (["load", "--rat=5"], "--rate"),
    ],
)
def test_a_typing_error_is_answered_with_what_may_have_been_meant(typed, meant, capsys):
    assert ended_with(typed) == 2
    said = capsys.readouterr().err
    assert f"did you mean {meant}? gatewayz-auth " in said
    assert len(said.splitlines()) == 1
    assert ended_with([*typed, "--json"]) == 2
    assert f"did you mean {meant}?" in json.loads(capsys.readouterr().out)["error"]["detail"]


@pytest.mark.parametrize("typed", [["xyzzy"], ["users", "xyzzy"], ["doctor", "--xyzzy"], ["doctor", "ada"]])
def test_what_is_near_to_nothing_gets_no_guess(typed, capsys):
    assert ended_with(typed) == 2
    said = capsys.readouterr().err
    assert "did you mean" not in said
    assert "--help" in said


def test_whoever_stops_reading_the_first_screen_is_shown_no_traceback():
    code = (
        "import os, sys; from gatewayz_auth.cli.main import main; ours, theirs = os.pipe(); os.close(ours);"
        "sys.stdout = os.fdopen(theirs, 'w'); sys.exit(main([]))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (answer.returncode, "Traceback" in answer.stderr) == (1, False)


def ended_with(words):
    try:
        return command_line.main(words)
    except SystemExit as ended:
        return ended.code


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


def test_settings_that_are_missing_come_with_the_page_that_tells_them_and_with_the_way_without(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PRIVY_APP_ID", "API_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert command_line.main(["serve"]) == 2
    said = capsys.readouterr().err
    assert "DATABASE_URL is missing; expected" in said
    assert said.endswith("docs/how-to/configure.md says, or try it without any: gatewayz-auth serve --dev\n")
