"""A command in the wrong folder says so, touches nothing, and blames no neighbour that nobody named."""

import pytest

from gatewayz_auth.cli.main import main
from gatewayz_auth.cli.operator_settings import operator_settings
from gatewayz_auth.settings import KNOBS

COMMANDS = (
    ("doctor",),
    ("users", "list"),
    ("referrals", "list"),
    ("settings", "set", "LOOKUP_PATIENCE", "0.2"),
    ("rollout", "show"),
    ("rollback", "--partial"),
    ("rollback", "undo"),
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder in which nothing was ever started, and an environment without settings of ours."""
    for knob in KNOBS:
        monkeypatch.delenv(knob.name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_where_no_database_is_known_a_command_says_so_and_leaves_nothing_behind(words, folder, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert f"No database is known in the folder {folder}" in err
    assert "Done" not in out
    assert "is taken back" not in out
    assert not list(folder.iterdir())


def test_a_dev_service_that_has_ended_is_named_and_not_its_database(folder, capsys):
    (folder / ".state" / "postgres").mkdir(parents=True)
    assert main(["rollback", "undo"]) == 1
    assert "`serve --dev` does not run in this folder any more" in capsys.readouterr().err


def test_settings_are_listed_wherever_one_is(capsys):
    assert main(["settings"]) == 0
    assert "AUTH_QUERY_TIMEOUT" in capsys.readouterr().out


def test_a_database_without_a_redis_has_none(folder, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@127.0.0.1:1/x")
    monkeypatch.setenv("API_KEY_SECRET", "a-secret-that-is-long-enough-for-a-test")
    assert operator_settings().redis_url is None
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert operator_settings().redis_url == "redis://127.0.0.1:1/0"
