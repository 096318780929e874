"""Two commands on a bare machine: ``git clone`` and ``make run``."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from tests.support.serving import CLOCK, ROOT, Serving, free_port, is_gone

from gatewayz_auth.adapters.child_process import wait_until

COLD_S, WARM_S, GONE_WITHIN_S = 90, 5, 4
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".*cache", ".hypothesis", ".venv*", ".state*", "logs", "__pycache__", "reports"
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The checkout as somebody else gets it: no .venv, no data, an empty home."""
    folder = tmp_path_factory.mktemp("bare") / "clone"
    shutil.copytree(ROOT, folder, ignore=LEFT_BEHIND)
    return folder


def make(clone, *arguments, port=None):
    port = free_port() if port is None else port
    home = clone.parent / "home"
    home.mkdir(exist_ok=True)
    environ = {"HOME": str(home), "MAKEFLAGS": "", "MAKELEVEL": "0"}
    return Serving(clone, port=port, environ=environ, command=["make", "run", f"PORT={port}", *arguments])


@pytest.mark.timeout(200)
def test_a_bare_machine_signs_somebody_in_within_ninety_seconds_and_again_within_five(clone):
    began_s = CLOCK.monotonic_s()
    with make(clone) as cold:
        curl = cold.wait_for("curl", COLD_S)
        first = subprocess.run(curl, shell=True, capture_output=True, text=True, check=True).stdout  # noqa: S602
        took_s = CLOCK.monotonic_s() - began_s
        cold.wait_for("Stop with")
        starts = [line.split(" ")[0] for line in cold.said]
        assert starts.index("Installing") < starts.index("Starting") < starts.index("Listening") < starts.index("curl")
        assert cold.wait_for("Listening on") == f"Listening on {cold.url}"
        assert '"api_key":"gw_live_' in first
        assert took_s < COLD_S
        _, gone_s = cold.end(signal.SIGTERM)
        assert gone_s < GONE_WITHIN_S
    began_s = CLOCK.monotonic_s()
    with make(clone) as warm:
        curl = warm.wait_for("curl", 20)
        again = subprocess.run(curl, shell=True, capture_output=True, text=True, check=True).stdout  # noqa: S602
        took_s = CLOCK.monotonic_s() - began_s
        assert '"is_new_user":false' in again
        key = first.split('"api_key":"')[1].split('"')[0]
        assert key in again
        assert took_s < WARM_S
        warm.ready()
        pids = warm.pids()
        warm.process.kill()  # make alone: what it started does not stay behind
        warm.process.wait()
        assert wait_until(lambda: all(is_gone(pid) for pid in pids), CLOCK, GONE_WITHIN_S)
    with make(clone) as third:
        third.ready()
        pids = third.pids()
        os.killpg(third.process.pid, signal.SIGINT)  # what Ctrl-C does; make then ends by the signal too
        third.outcome()
        assert "Traceback" not in third.output
        assert wait_until(lambda: all(is_gone(pid) for pid in pids), CLOCK, GONE_WITHIN_S)


def fake_python(folder, script):
    program = folder / "python-of-the-test"
    program.write_text(f'#!/bin/sh\n{script}\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    return program


def setup(folder, python):
    """``tools/setup`` in a checkout that has no .venv yet."""
    for name in ("tools", "requirements"):
        shutil.copytree(ROOT / name, folder / name)
    done = subprocess.run(
        [folder / "tools" / "setup", "run", python], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert not (folder / ".venv").exists()
    (sentence,) = done.stderr.splitlines()
    return sentence


def test_a_python_too_old_is_one_sentence(tmp_path):
    old = 'case "$*" in *"<="*) exit 1;; *"sys.version_info[:2])"*) echo 3.9; exit;; esac'
    sentence = setup(tmp_path, fake_python(tmp_path, old))
    assert "is Python 3.9 and 3.11 to 3.14 is needed" in sentence
    assert "PYTHON=" in sentence


def test_a_missing_venv_is_one_sentence(tmp_path):
    sentence = setup(tmp_path, fake_python(tmp_path, 'case "$*" in *ensurepip*) exit 1;; esac'))
    assert "lacks the module venv" in sentence
    assert "apt-get install" in sentence


def test_a_venv_that_cannot_be_made_is_one_sentence(tmp_path):
    broken = 'case "$*" in *"-m venv"*) echo "ensurepip is not available" >&2; exit 1;; esac'
    sentence = setup(tmp_path, fake_python(tmp_path, broken))
    assert "could not make .venv" in sentence


def test_no_python_at_all_is_one_sentence(tmp_path):
    assert "no Python found" in setup(tmp_path, tmp_path / "none")


def test_setup_leaves_a_venv_that_fits_alone(tmp_path):
    venv = ROOT / ".venv" / ".setup"
    if not venv.exists():
        pytest.skip("this run has no .venv of its own: make test")
    before = venv.stat().st_mtime_ns
    began = time.monotonic()
    subprocess.run([ROOT / "tools" / "setup", "dev"], check=True, timeout=60)
    assert venv.stat().st_mtime_ns == before
    assert time.monotonic() - began < 2


def test_make_help_lists_every_target():
    shown = subprocess.run(["make", "-s", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    for target in ("help", "setup", "run", "test", "bench", "check"):
        assert f"make {target}" in shown


def test_lock_files_name_no_index_and_no_folder_and_hash_everything():
    for name in ("run", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        assert "://" not in text
        assert " @ " not in text
        assert "--index" not in text
        blocks = text.replace("\\\n", " ").splitlines()
        assert all("--hash=sha256:" in block for block in blocks)
