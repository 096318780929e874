"""The worker as a process: its probes, its end, its place beside ``serve --dev``, and what a kill leaves behind."""

import functools
import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.faults import CLOCK
from tests.support.killing import CODE, Books, Killed, kill_at_random, until_worked_off
from tests.support.serving import SETTINGS_OF_THE_MACHINE, Serving, descendants, free_port

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.cli.main import main

PEOPLE = 500
ENDS_WITHIN_S = 10.0


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


@pytest.fixture(scope="module")
def url(postgres_server):
    made = postgres_server.database()
    yield made
    postgres_server.drop(made)


@pytest.fixture(scope="module")
def world(url, tmp_path_factory):
    books = Books(url)
    books.open_for(CODE)
    with Killed(tmp_path_factory.mktemp("killed"), url) as killed:
        yield killed


def test_nothing_is_lost_or_doubled_when_server_and_worker_are_killed_at_random(world, url):
    seed = int.from_bytes(os.urandom(4), "big")
    acts = [functools.partial(world.kill, name) for name in ("server", "server", "worker", "worker", "worker")]
    answered = world.answered(world.sign_ups(PEOPLE, "kill"), kill_at_random(world, acts, seed, PEOPLE))
    books = Books(url)
    until_worked_off(books, 60)
    assert (len(set(answered)), world.kills) == (PEOPLE, len(acts)), f"seed {seed}"
    assert books.verdict(answered) == {}, f"seed {seed}"


def test_worker_has_probes_and_figures_and_ends_in_time(url, tmp_path):
    port = free_port()
    environ = {
        "DATABASE_URL": url,
        "PRIVY_APP_ID": "app",
        "PRIVY_JWKS_URL": "https://keys.example.com/jwks.json",
        "API_KEY_SECRET": "a-secret-of-the-worker-tests-and-of-nobody-else",
        "STATE_DIR": str(tmp_path / "state"),
    }
    words = [sys.executable, "-P", "-m", "gatewayz_auth.cli", "worker", "--port", str(port)]
    with Serving(tmp_path, port=port, environ=environ, command=words) as worker:
        worker.wait_for("Working")
        assert wait_until(lambda: get(port, "/readyz")[0] == 200, CLOCK, 20), worker.output
        assert get(port, "/livez") == (200, '{"status":"alive"}')
        status, figures = get(port, "/metrics")
        assert status == 200
        for name in ("job_total", "job_oldest_pending_seconds", "job_duration_seconds"):
            assert f"# TYPE gatewayz_auth_{name}" in figures
        code, took_s = worker.end(signal.SIGTERM)
        assert (code, worker.output.count("Traceback")) == (0, 0)
        assert took_s < ENDS_WITHIN_S


def test_operators_list_retry_and_reverse_what_there_is(world, url, tmp_path, monkeypatch, capsys):
    def command(*words):
        code = main(["referrals", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    for name in SETTINGS_OF_THE_MACHINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("API_KEY_SECRET", "a-secret-of-the-worker-tests-and-of-nobody-else")
    monkeypatch.chdir(tmp_path)
    code, listed = command("list", "--status", "rewarded", "--most", "1")
    assert (code, len(listed), listed[0]["status"]) == (0, 1, "rewarded")
    referral_id = str(listed[0]["referral_id"])
    code, answer = command("reverse", referral_id)
    assert (code, "why" in answer["error"]["detail"]) == (1, True)
    code, answer = command("reverse", referral_id, "--why", "bought")
    assert (code, answer["status"], answer["reason"]) == (0, "reversed", "bought")
    assert command("show", referral_id)[1]["status"] == "reversed"
    audit = Books(url).rows("SELECT what, subject, why FROM gatewayz_auth.audit ORDER BY id DESC LIMIT 1")
    assert audit == [("reverse", f"referral {referral_id}", "bought")]
    assert command("show", "0")[0] == 1
    assert command("retry") == (0, {"retried": 0})
    assert command("sync") == (0, {"settled": 0})


def test_development_server_brings_a_worker_along_and_takes_it_with_it(tmp_path):
    with Serving(tmp_path) as serving:
        serving.ready()

        def workers():
            found = []
            for pid in descendants(serving.process.pid):
                try:
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                    found += [pid] if words[-2:-1] == [b"worker"] else []
                except OSError:
                    continue
            return found

        assert len(workers()) == 1
        person = [{"type": "email", "address": "ada@example.com"}]
        issued = serving.post("/dev/token", {"privy_user_id": "did:privy:ada", "linked_accounts": person})
        answer = serving.post("/api/auth", {**issued, "referral_code": "ABC123"})
        assert answer["is_new_user"]
        line = f"Background task: Processing referral code 'ABC123' for user {answer['user_id']}"
        assert wait_until(lambda: any(line in said for said in tuple(serving.lines)), CLOCK, 20), serving.output
        code, _ = serving.end()
        assert code == 0


def test_a_worker_whose_service_has_ended_meanwhile_does_not_begin(tmp_path):
    environ = {**os.environ, "GATEWAYZ_AUTH_END_WITH_PARENT": str(2**22 + 1)}  # nobody's
    command = [sys.executable, "-P", "-m", "gatewayz_auth.cli", "worker"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
