"""A wrong keyring is said at the start; a rotated one goes on, and the old secret can go when no key needs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from tests.support.serving import free_port

OLD, NEW, FOREIGN = "o" * 40, "n" * 40, "f" * 40


def start(folder, secrets):
    """The service with this keyring; its lines to the point where it serves or gives up."""
    environ = {**os.environ, "STATE_DIR": str(folder / "state"), "LOG_FILE": str(folder / "log")}
    environ["API_KEY_SECRET"] = secrets
    command = [sys.executable, "-m", "gatewayz_auth.cli", "serve", "--dev", "--port", str(free_port())]
    process = subprocess.Popen(
        command, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines = []
    curl = None
    for line in process.stdout:
        lines.append(line)
        if line.startswith("curl"):
            curl = line.strip()
        if line.startswith("Stop with"):
            break
    return process, curl, "".join(lines)


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=15)[0]


def sign_in(curl):
    return subprocess.run(["sh", "-c", curl], capture_output=True, text=True, timeout=15, check=True).stdout


@pytest.mark.timeout(120)
def test_a_wrong_keyring_stops_the_start_and_a_rotated_one_goes_on(tmp_path):
    process, curl, _ = start(tmp_path, OLD)
    first = sign_in(curl)
    stop(process)
    assert '"success":true' in first

    process, curl, said = start(tmp_path, FOREIGN)
    assert process.wait(15) != 0
    process.stdout.close()
    assert curl is None
    assert "API_KEY_SECRET is not the one" in said
    assert "Traceback" not in said

    process, curl, _ = start(tmp_path, f"{NEW},{OLD}")
    key = '"api_key":"' + first.split('"api_key":"')[1].split('"')[0]
    assert key in sign_in(curl)
    assert "cannot sign in" not in stop(process)

    process, curl, said = start(tmp_path, NEW)
    assert key in sign_in(curl)
    assert "cannot sign in" not in said + stop(process)
