"""``gatewayz-auth serve --dev``: everything from nothing, gone in time, taken up again."""

import http.client
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from tests.support.serving import CLOCK, SETTINGS_OF_THE_MACHINE, Serving, free_port, is_gone

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.cli.main import main

GONE_WITHIN_S = 4.0
REQUIRED = {"PRIVY_APP_ID": "app", "PRIVY_JWKS_URL": "https://127.0.0.1:1/jwks.json"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder whose data was made once, for tests that only need some."""
    folder = tmp_path_factory.mktemp("home")
    with Serving(folder) as serving:
        serving.ready()
        serving.end()
    return folder


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("running")) as serving:
        yield serving.ready()


def test_it_says_what_people_need_in_the_order_in_which_they_need_it(running):
    wanted = [
        "Making a",
        "Starting Valkey",
        "Starting the service",
        "Listening on",
        "curl -s",
        "Or on the page",
    ]
    places = [next(i for i, line in enumerate(running.said) if line.startswith(start)) for start in wanted]
    assert places == sorted(places)
    assert running.said[places[3]] == f"Listening on {running.url}"
    assert running.said[places[5]] == f"Or on the page: {running.url}/"
    assert running.said[places[5] + 1].startswith(f"See how it is: {running.url}/console/open/")
    assert "Ctrl-C" in running.said[places[5] + 2]


def test_the_line_works_when_pasted_and_answers_a_key(running):
    (line,) = [line for line in running.said if line.startswith("curl")]
    answer = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 - that is the promise
    answered = json.loads(answer.stdout)
    assert answered["success"] is True
    assert answered["api_key"].startswith("gw_live_")
    assert answered["email"] == "ada@example.com"


def test_embedded_servers_listen_on_nothing_but_socket_files(running):
    listening = set()
    for pid in running.pids():
        inodes = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                    listening.add((fields[1].split(":")[1], pid))
    assert listening == {(f"{running.port:04X}", running.process.pid)}


def test_settings_beside_it_show_what_it_supplies_and_where_that_comes_from_and_no_secret(running, monkeypatch, capsys):
    for name in SETTINGS_OF_THE_MACHINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(running.folder)
    assert main(["settings", "--json"]) == 0
    said = capsys.readouterr().out
    shown = {row["name"]: (row["value"], row["source"]) for row in json.loads(said)["settings"]}
    for name in ("DATABASE_URL", "REDIS_URL", "API_KEY_SECRET"):
        assert shown[name] == ("set", "serve --dev")
    assert shown["PRIVY_APP_ID"] == ("gatewayz-auth-dev", "serve --dev")
    assert shown["LOG_LEVEL"][1] == "default"
    monkeypatch.setenv("API_KEY_SECRET", "an-operators-own-secret-that-is-longer-than-32")
    assert main(["settings"]) == 0
    text = capsys.readouterr().out
    assert "What serve --dev in this folder supplies itself is shown as it holds there." in text
    assert "environment" in next(line for line in text.splitlines() if line.startswith("API_KEY_SECRET"))
    secret = (running.folder / ".state/api-key-secret").read_text().strip()
    assert secret not in said + text


def test_a_second_one_on_the_same_folder_is_refused_in_one_sentence(running):
    with Serving(running.folder) as second:
        assert second.outcome() == 1
    (sentence,) = second.lines
    assert f"process {running.process.pid}" in sentence
    assert running.url in sentence
    assert "Ctrl-C" in sentence


def test_a_taken_port_is_said_before_anything_is_made(tmp_path, running):
    with Serving(tmp_path, port=running.port) as second:
        assert second.outcome() == 1
    (sentence,) = second.lines
    assert f"Port {running.port}" in sentence
    assert "PORT=" in sentence
    assert not (tmp_path / ".state" / "postgres").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_of_it_is_gone_within_four_seconds_of_a_signal(home, number):
    with Serving(home) as serving:
        serving.ready().sign_in()
        assert len(serving.pids()) > 5
        code, seconds = serving.end(number)
    assert code == 0
    assert seconds < GONE_WITHIN_S
    assert "Traceback" not in serving.output


def test_a_frozen_postgres_does_not_hold_up_the_end(home):
    with Serving(home) as serving:
        serving.ready()
        servers = [pid for pid in serving.pids() if Path(f"/proc/{pid}/exe").readlink().name == "postgres"]
        for pid in servers:
            os.kill(pid, signal.SIGSTOP)
        waiting = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=10)
        body = serving.post("/dev/token", {"privy_user_id": "did:privy:waits", "linked_accounts": []})
        waiting.request("POST", "/api/auth", json.dumps(body), {"content-type": "application/json"})
        _, seconds = serving.end()
        waiting.close()
    assert seconds < GONE_WITHIN_S


def test_users_keys_and_tokens_survive_a_kill_of_everything(tmp_path):
    with Serving(tmp_path) as first:
        before = first.ready().sign_in(accounts=[{"type": "email", "address": "ada@example.com"}])
        issued = first.post("/dev/token", {"privy_user_id": "did:privy:ada", "linked_accounts": []})
        pids = first.pids()
        first.kill_everything()
    assert wait_until(lambda: all(is_gone(pid) for pid in pids), CLOCK, 4)
    began_s = CLOCK.monotonic_s()
    with Serving(tmp_path) as second:
        second.wait_for("curl")
        after = second.post("/api/auth", issued)
        assert CLOCK.monotonic_s() - began_s < 5
    assert before["is_new_user"] is True
    assert after["is_new_user"] is False
    assert (after["user_id"], after["api_key"]) == (before["user_id"], before["api_key"])


def test_servers_end_with_their_service_however_it_ends(home):
    with Serving(home) as serving:
        serving.ready()
        pids = serving.pids()
        serving.process.kill()
        serving.process.wait()
        assert wait_until(lambda: all(is_gone(pid) for pid in pids), CLOCK, GONE_WITHIN_S)


def test_a_postgres_left_running_is_ended_and_not_joined_by_a_second(home):
    with Serving(home) as first:
        kept = first.ready().sign_in()["api_key"]
        left = [pid for pid in first.pids() if Path(f"/proc/{pid}/exe").readlink().name == "postgres"]
        for pid in left:
            os.kill(pid, signal.SIGSTOP)
        first.process.kill()
        first.process.wait()
    assert not any(is_gone(pid) for pid in left)
    with Serving(home) as second:
        assert second.ready().sign_in()["api_key"] == kept
        assert all(is_gone(pid) for pid in left)
        second.end()


def test_two_workers_serve_end_together_and_die_with_their_supervisor(home):
    with Serving(home, "--workers", "2") as serving:
        serving.ready()
        keys = {serving.sign_in()["api_key"] for _ in range(10)}
        assert len(keys) == 1
        code, seconds = serving.end()
    assert (code, seconds < GONE_WITHIN_S) == (0, True)
    with Serving(home, "--workers", "2") as serving:
        serving.ready()
        pids = serving.pids()
        serving.process.kill()
        serving.process.wait()
        assert wait_until(lambda: all(is_gone(pid) for pid in pids), CLOCK, GONE_WITHIN_S)


def test_secrets_of_the_folder_are_for_its_owner_alone(home):
    for name in ("api-key-secret", "dev-issuer-key.pem", "lock", "postgres"):
        assert (home / ".state" / name).stat().st_mode & 0o077 == 0, name


@pytest.mark.parametrize(("dev", "workers"), [(True, "1"), (False, "2")])
def test_a_port_that_the_system_chose_is_told_once_it_answers_there(dev, workers, home):
    secret = (home / ".state" / "api-key-secret").read_text()
    environ = {} if dev else {**REQUIRED, "DATABASE_URL": "embedded", "API_KEY_SECRET": secret}
    with Serving(home, "--workers", workers, port=0, dev=dev, environ=environ) as serving:
        told = serving.wait_for("Listening on http://127.0.0.1:")
        serving.port = int(told.rpartition(":")[2])
        with pytest.raises(RuntimeError, match="401"):
            serving.post("/api/auth", {"token": "a.b.c", "user": {"id": "did:privy:ada"}})
        serving.end()


def test_json_is_one_document_for_programs(home):
    with Serving(home, "--json") as serving:
        facts = json.loads(serving.wait_for('{"listening"'))
        assert facts["listening"] == serving.url
        assert facts["page"] == f"{serving.url}/"
        serving.end()


def test_any_address_and_a_host_name_that_is_none(home):
    with Serving(home, "--host", "no.such.host.invalid") as serving:
        assert serving.outcome() == 1
    assert "no.such.host.invalid is not known" in serving.output
    with Serving(home, "--host", "203.0.113.9") as serving:
        assert serving.outcome() == 1
    assert "is no address of this machine" in serving.output


def test_it_takes_as_many_connections_as_it_is_allowed_to(running):
    limits = Path(f"/proc/{running.process.pid}/limits").read_text()
    soft, hard = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
    assert soft == hard


def test_a_port_that_is_only_bound_counts_as_taken(home):
    with socket.socket() as other:
        port = free_port()
        other.bind(("127.0.0.1", port))
        other.listen()
        with Serving(home, port=port) as serving:
            assert serving.outcome() == 1
        assert "is taken" in serving.output
