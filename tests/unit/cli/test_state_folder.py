"""The data folder: one program at a time, secrets for its owner alone."""

import fcntl
import os

import pytest

from gatewayz_auth.cli.state_folder import FORMAT, StateFolder, supplied_in
from gatewayz_auth.domain.errors import StartupError
from gatewayz_auth.reliability.entropy import SystemEntropy


def test_a_held_folder_names_its_holder_and_is_free_after_close(tmp_path):
    first, second = StateFolder(tmp_path), StateFolder(tmp_path)
    first.open("http://127.0.0.1:8000")
    with pytest.raises(StartupError, match=rf"process {os.getpid()}, http://127\.0\.0\.1:8000"):
        second.open("http://127.0.0.1:8001")
    first.close()
    second.open("http://127.0.0.1:8001")
    second.close()


def test_what_its_holder_supplies_is_known_for_as_long_as_it_is_held(tmp_path):
    assert supplied_in(tmp_path) == ("", {})
    folder = StateFolder(tmp_path)
    folder.open("http://127.0.0.1:0")
    assert supplied_in(tmp_path) == ("", {})
    folder.leave_supplied("serve --dev", "http://127.0.0.1:8000", {"DATABASE_URL": "set", "LOG_FILE": "x" * 500})
    folder.leave_supplied("serve --dev", "http://127.0.0.1:8000", {"DATABASE_URL": "set"})
    assert supplied_in(tmp_path) == ("serve --dev", {"DATABASE_URL": "set"})
    with pytest.raises(StartupError, match=rf"process {os.getpid()}, http://127\.0\.0\.1:8000"):
        StateFolder(tmp_path).open("http://127.0.0.1:8001")
    folder.close()
    assert supplied_in(tmp_path) == ("", {})


def test_a_lock_whose_word_is_unreadable_is_still_a_lock(tmp_path):
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    os.write(lock, b"\xff{")
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(StartupError, match="already: stop that one"):
        StateFolder(tmp_path).open("http://127.0.0.1:8000")
    assert supplied_in(tmp_path) == ("", {})
    os.close(lock)


def test_the_secret_is_made_once_and_read_by_its_owner_alone(tmp_path):
    folder = StateFolder(tmp_path)
    secret = folder.secret(SystemEntropy())
    assert len(secret) >= 32
    assert folder.secret(SystemEntropy()) == secret
    assert (tmp_path / "api-key-secret").stat().st_mode & 0o777 == 0o600


def test_the_format_is_written_at_first(tmp_path):
    with StateFolder(tmp_path) as folder:
        folder.open("http://127.0.0.1:8000")
    assert (tmp_path / "format").read_text() == f"{FORMAT}\n"
