"""What stops a start is one sentence that says what to do, an exit code that is not 0, and no traceback."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.serving import Serving, free_port

from gatewayz_auth.cli.state_folder import StateFolder

ENVIRON = {"PRIVY_APP_ID": "app", "PRIVY_JWKS_URL": "https://127.0.0.1:1/jwks.json", "API_KEY_SECRET": "s" * 40}


def refused(folder, code=1, **kwargs):
    with Serving(folder, **kwargs) as serving:
        assert serving.outcome() == code, serving.output
    assert "Traceback" not in serving.output
    (sentence,) = [line for line in serving.said if not line.endswith("...")]
    return sentence


def test_data_of_another_version_of_ours(tmp_path):
    (tmp_path / ".state").mkdir()
    (tmp_path / ".state" / "format").write_text("99\n")
    sentence = refused(tmp_path)
    assert "made by another version" in sentence
    assert "move the folder away" in sentence


def test_data_of_another_postgres(tmp_path):
    (tmp_path / ".state" / "postgres").mkdir(parents=True)
    (tmp_path / ".state" / "postgres" / "PG_VERSION").write_text("15\n")
    sentence = refused(tmp_path)
    assert "was made by Postgres 15" in sentence
    assert "move that folder away" in sentence


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    sentence = refused(tmp_path, environ={"STATE_DIR": str(tmp_path / "file" / "state")})
    assert "cannot be used" in sentence
    assert "STATE_DIR" in sentence


@pytest.fixture
def mounted(tmp_path):
    """Mounts a small file system for one test; only root can."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        if (
            os.geteuid() != 0
            or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "none", str(place)], capture_output=True, check=False
            ).returncode
        ):
            return None
        return place

    yield mount
    subprocess.run(["umount", str(place)], capture_output=True, check=False)


def test_a_read_only_folder(tmp_path, mounted):
    place = mounted("size=1m,ro")
    if place is None:  # an ordinary user, whom a mode stops
        place = tmp_path / "closed"
        place.mkdir(mode=0o500)
    sentence = refused(tmp_path, environ={"STATE_DIR": str(place)})
    assert "cannot be written" in sentence
    assert "STATE_DIR" in sentence


def test_a_full_disk(tmp_path, mounted):
    place = mounted("size=8m")
    if place is None:
        sentence = str(StateFolder(tmp_path).unusable(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    else:
        sentence = refused(tmp_path, environ={"STATE_DIR": str(place)})
    assert "is full: make room" in sentence


def test_settings_are_all_named_at_once_and_no_secret_is_shown(tmp_path):
    with Serving(tmp_path, dev=False, environ={"ADMIN_TOKEN": "hunter2"}) as serving:
        assert serving.outcome() == 2
    for name in ("DATABASE_URL", "PRIVY_APP_ID", "PRIVY_VERIFICATION_KEY", "API_KEY_SECRET", "ADMIN_TOKEN"):
        assert f"{name} is" in serving.output
    assert "hunter2" not in serving.output
    assert "Traceback" not in serving.output


def test_wrong_arguments(tmp_path):
    command = [sys.executable, "-m", "gatewayz_auth.cli", "serve", "--dev", "--workers", "257"]
    assert "--workers is 257; expected processes, 1 to 256" in refused(tmp_path, code=2, environ={}, command=command)


def test_a_dev_variable_in_the_environment_alone_opens_no_door(tmp_path):
    environ = {**ENVIRON, "GATEWAYZ_AUTH_DEV": "1", "DATABASE_URL": "embedded"}
    with Serving(tmp_path, dev=False, environ=environ) as serving:
        serving.wait_for("Listening on")
        with pytest.raises(Exception, match="404"):
            serving.post("/dev/token", {"privy_user_id": "did:privy:ada"})
        serving.end()
    assert not (Path(tmp_path) / ".state" / "dev-issuer-key.pem").exists()


def test_a_database_without_tables_is_refused_with_the_command_to_run(tmp_path, empty_database_url):
    sentence = refused(tmp_path, dev=False, environ={**ENVIRON, "DATABASE_URL": empty_database_url})
    assert "gatewayz-auth migrate" in sentence


def test_a_worker_that_cannot_start_ends_the_whole(tmp_path, empty_database_url):
    environ = {**ENVIRON, "DATABASE_URL": empty_database_url}
    with Serving(tmp_path, "--workers", "2", dev=False, environ=environ) as serving:
        assert serving.outcome() == 1
    assert "gatewayz-auth migrate" in serving.output
    assert "Traceback" not in serving.output


def test_a_start_that_fails_ends_even_where_a_driver_is_deaf_to_being_cancelled(tmp_path):
    program = Path(__file__).with_name("deaf_start.py")
    command = [sys.executable, "-P", program, "serve", "--port", str(free_port())]
    environ = {**ENVIRON, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    assert refused(tmp_path, command=command, environ=environ) == "gatewayz-auth: It cannot start: do something."
