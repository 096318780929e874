"""What is built can be installed where nothing of ours is, has all its files, and knows its commit."""

import contextlib
import functools
import io
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from tests.support.fenced_blocks import ROOT
from tests.support.requirements import needs_debian
from tests.support.serving import SETTINGS_OF_THE_MACHINE

from gatewayz_auth import __version__
from gatewayz_auth.adapters.figures.build import UNKNOWN, commit, exact_commit
from gatewayz_auth.cli import main as command_line
from gatewayz_auth.cli.completion import vocabulary
from gatewayz_auth.cli.main import VERBS

NOTE = "gatewayz_auth/adapters/figures/commit.txt"
PLAIN = {name: value for name, value in os.environ.items() if name not in {*SETTINGS_OF_THE_MACHINE, "PYTHONPATH"}}


def finished(*command, **more):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=60, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the wheel and the source package, as hatchling makes them of this tree."""
    folder = tmp_path_factory.mktemp("built")
    finished(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment with the wheel in it, and of all else only what it depends on."""
    folder = tmp_path_factory.mktemp("clean")
    finished(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    finished(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    packages = finished(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # The same packages that an index would bring, at hand already; as a path, so that no .pth of theirs is read.
    (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin"


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        there = set(archive.namelist())
    source = ROOT / "src"
    tracked = finished("git", "ls-files", "src/gatewayz_auth", cwd=ROOT).splitlines()
    wanted = {path.removeprefix("src/") for path in tracked if (ROOT / path).exists()}
    wanted |= {f"gatewayz_auth/runbook/{page.name}" for page in (ROOT / "docs/runbook").glob("*.md")}
    assert wanted - there == set()
    assert {path.suffix for path in map(source.joinpath, wanted)} >= {".sql", ".css", ".js", ".html", ".md"}
    assert f"gatewayz_auth-{__version__}.data/data/share/man/man1/gatewayz-auth.1" in there


def test_the_wheel_asks_for_what_the_project_names_and_has_one_command_of_its_own_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        info = f"gatewayz_auth-{__version__}.dist-info"
        told = message_from_string(archive.read(f"{info}/METADATA").decode())
        entries = archive.read(f"{info}/entry_points.txt").decode()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plain = [line for line in told.get_all("Requires-Dist") if "extra ==" not in line]
    assert len(plain) == len(project["dependencies"])
    assert told["Name"] == "gatewayz-auth"  # `pipx run gatewayz-auth` looks for a command of that name
    assert entries.split() == ["[console_scripts]", "gatewayz-auth", "=", "gatewayz_auth.cli.main:main"]


def test_what_is_installed_runs_knows_its_commit_and_brings_its_sql(installed, tmp_path, empty_database_url):
    run = installed / "gatewayz-auth"
    told = json.loads(finished(run, "--version", "--json", cwd=tmp_path, env=PLAIN))
    assert told == {"version": __version__, "commit": exact_commit()}
    imported = "import gatewayz_auth; print(gatewayz_auth.__file__)"
    assert str(installed.parent) in finished(installed / "python", "-P", "-c", imported, cwd=tmp_path, env=PLAIN)
    environ = {**PLAIN, "DATABASE_URL": empty_database_url}
    migrated = json.loads(finished(run, "migrate", "--json", cwd=tmp_path, env=environ))
    assert migrated["after"] == len(list((ROOT / "src/gatewayz_auth/adapters/postgres/migrations").glob("*.up.sql")))


def test_a_source_package_carries_the_commit_to_the_wheel_that_is_built_of_it(built, wheel, tmp_path):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        knows_filters = hasattr(tarfile, "data_filter")  # Debian's 3.11 does not yet
        archive.extractall(tmp_path, **({"filter": "data"} if knows_filters else {}))  # noqa: S202 - made by us just now
    finished(sys.executable, "-m", "hatchling", "build", "-t", "wheel", cwd=next(tmp_path.iterdir()))
    with zipfile.ZipFile(next(tmp_path.glob("*/dist/*.whl"))) as again, zipfile.ZipFile(wheel) as first:
        assert again.read(NOTE) == first.read(NOTE) != b""
    assert not (ROOT / "src" / NOTE).exists()  # in the tree it would outlive its commit


def test_a_package_without_a_note_and_without_a_checkout_says_that_it_does_not_know(tmp_path):
    assert commit(tmp_path, tmp_path / "none") == UNKNOWN
    note = tmp_path / "commit.txt"
    note.write_text("0123456789abcdef0123456789abcdef01234567-changed\n")
    assert commit(tmp_path, note) == "0123456789ab-changed"
    note.write_text("main\n")
    assert commit(tmp_path, note) == UNKNOWN


ASKED = {
    "bash": 'source /dev/stdin <<<"$SCRIPT"; COMP_WORDS=({words}); COMP_CWORD={last}; _gatewayz_auth;'
    ' printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": "compdef() {{ }}; compadd() {{ shift; print -l -- $@; }}; _describe() {{ print -l -- $verbs; }};"
    ' eval "$SCRIPT"; words=({words}); CURRENT={last}+1; _gatewayz_auth',
    "fish": "echo $SCRIPT | source; complete -C '{line}'",
}


@functools.cache
def script_of(shell):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert command_line.main(["completion", shell]) == 0
    return printed.getvalue()


def offered(shell, line):
    """What ``shell`` offers at the end of ``line``, one word a line."""
    program = needs_debian(shell) if shell != "bash" else "bash"
    words = line.split(" ")
    asked = ASKED[shell].format(line=line, last=len(words) - 1, words=" ".join(f"'{word}'" for word in words))
    told = finished(program, "-c", asked, env={**os.environ, "SCRIPT": script_of(shell)}, cwd=ROOT / "ops")
    return {word.split("\t")[0].split(":")[0] for word in told.splitlines()}


@pytest.mark.parametrize("shell", ASKED)
def test_each_shell_completes_verbs_their_words_options_and_what_options_take(shell):
    assert offered(shell, "gatewayz-auth ") >= set(VERBS)
    assert offered(shell, "gatewayz-auth users ") >= {"show", "erase"}
    assert offered(shell, "gatewayz-auth referrals list --status ") == {
        "pending", "rewarded", "refused", "failed", "reversed",
    }  # fmt: skip
    assert offered(shell, "gatewayz-auth serve --") >= {"--workers", "--dev", "--json"}


def test_completion_knows_every_option_of_every_verb():
    known = {words.verb: {*words.options, *words.flags} for words in vocabulary()}
    assert set(known) == set(VERBS)
    assert all({"--json", "--help"} <= options for options in known.values())


def test_the_manual_page_is_one_that_man_shows_without_a_warning():
    page = ROOT / "docs" / "man" / "gatewayz-auth.1"
    shown = subprocess.run(
        [needs_debian("man-db", "man"), "--warnings=w", "-E", "UTF-8", "-l", page],
        capture_output=True, text=True, check=True, timeout=30, env={**os.environ, "MANPAGER": "cat", "COLUMNS": "100"},
    )  # fmt: skip
    assert shown.stderr == ""
    assert [verb for verb in VERBS if f"   {verb}\n" not in shown.stdout] == []
