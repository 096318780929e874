"""Whoever changes a person is followed by every process within a second: by route, by SQL, with Redis or without."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest
from tests.support.serving import descendants, free_port
from tests.support.withheld import Stopwatch

from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.reliability.clock import SystemClock

ADMIN_TOKEN = "an-administrators-token-of-forty-letters"
NOTICED_WITHIN_S = 1.0
SLACK_S = 0.5  # for the asking itself, on a busy machine
IN_A_ROW = 10  # so often one of two workers is hardly ever asked without the other


class Running:
    def __init__(self, pid, port, state, environ):
        self.pid = pid
        self.url = f"http://127.0.0.1:{port}"
        self.state = state
        self.environ = environ

    def ask(self, method, path, body=None, *, admin=False):
        headers = {"Content-Type": "application/json"}
        if admin:
            headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - our own address
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
                return answer.status, dict(answer.headers), json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), json.loads(error.read())

    def token(self, name):
        person = {"privy_user_id": f"did:privy:{name}", "linked_accounts": [{"type": "github_oauth", "username": name}]}
        return self.ask("POST", "/dev/token", person)[2]

    def sign_in(self, token):
        return self.ask("POST", "/api/auth", token)

    def until(self, holds, limit_s=NOTICED_WITHIN_S + SLACK_S):
        """The seconds until ``holds`` is true from then on, whichever of two workers is asked."""
        took, in_a_row, since_s = Stopwatch(self.pid, *descendants(self.pid)), 0, 0.0
        while took.seconds < limit_s + 1:
            asked_s = took.seconds
            in_a_row = in_a_row + 1 if holds() else 0
            since_s = asked_s if in_a_row == 1 else since_s
            if in_a_row == IN_A_ROW:
                return since_s
            time.sleep(0.02)
        return float("inf")


@contextlib.contextmanager
def serving(folder, **settings):
    port = free_port()
    state = folder / "state"
    environ = {
        **os.environ,
        "STATE_DIR": str(state),
        "LOG_FILE": str(folder / "app.log"),
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "RATE_LIMITS": "off",
        **settings,
    }
    command = [sys.executable, "-m", "gatewayz_auth.cli", "serve", "--dev", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, env=environ, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if line.startswith("Stop with"):
                break
        yield Running(process.pid, port, state, environ)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("two_workers")) as running:
        yield running


def database(running):
    return psycopg.connect(EmbeddedPostgres(Path(running.state), SystemClock()).url, autocommit=True)


def test_a_disabled_person_is_refused_by_every_worker_within_a_second(two_workers):
    token = two_workers.token("mallory")
    user_id = two_workers.sign_in(token)[2]["user_id"]
    for _ in range(6):
        assert two_workers.sign_in(token)[0] == 200
    assert two_workers.ask("POST", f"/admin/users/{user_id}/disable", admin=True)[0] == 200
    assert two_workers.until(lambda: two_workers.sign_in(token)[0] == 403) <= NOTICED_WITHIN_S + SLACK_S
    assert two_workers.ask("POST", f"/admin/users/{user_id}/enable", admin=True)[0] == 200
    assert two_workers.until(lambda: two_workers.sign_in(token)[0] == 200) <= NOTICED_WITHIN_S + SLACK_S


def test_a_revoked_key_is_given_to_nobody_after_a_second(two_workers):
    token = two_workers.token("grace")
    answer = two_workers.sign_in(token)[2]
    shown = two_workers.ask("GET", f"/admin/users?user_id={answer['user_id']}", admin=True)[2]
    (key,) = shown["keys"]
    assert answer["api_key"].startswith(key["prefix"])
    assert two_workers.ask("DELETE", f"/admin/keys/{key['id']}", admin=True)[0] == 200
    until_s = two_workers.until(lambda: two_workers.sign_in(token)[2]["api_key"] != answer["api_key"])
    assert until_s <= NOTICED_WITHIN_S + SLACK_S
    again = two_workers.sign_in(token)[2]["api_key"]
    assert again.startswith("gw_live_")
    assert two_workers.sign_in(token)[2]["api_key"] == again


@pytest.mark.parametrize("redis", ["embedded", "redis://127.0.0.1:1/0"])
def test_plain_sql_by_another_program_is_followed_within_a_second(tmp_path, redis):
    with serving(tmp_path, REDIS_URL=redis) as running:
        token = running.token("octo")
        user_id = running.sign_in(token)[2]["user_id"]
        for _ in range(6):
            assert running.sign_in(token)[2]["tier"] == "basic"
        with database(running) as connection:
            connection.execute("UPDATE public.users SET tier = 'pro', credits = 99 WHERE id = %s", (user_id,))
            within_s = running.until(lambda: running.sign_in(token)[2]["tier"] == "pro")
            assert within_s <= NOTICED_WITHIN_S + SLACK_S
            connection.execute("UPDATE public.users SET is_active = false WHERE id = %s", (user_id,))
            assert running.until(lambda: running.sign_in(token)[0] == 403) <= NOTICED_WITHIN_S + SLACK_S


def test_a_person_is_looked_up_by_username_and_remembered_under_it(two_workers):
    two_workers.sign_in(two_workers.token("linus"))
    status, _, first = two_workers.ask("GET", "/admin/users?username=LINUS", admin=True)
    assert (status, first["username"], first["privy_user_id"]) == (200, "linus", "did:privy:linus")
    assert two_workers.ask("GET", "/admin/users?username=linus", admin=True)[2]["source"] == "cache"
    assert two_workers.ask("GET", "/admin/users?privy_id=did:privy:linus", admin=True)[2]["user_id"] == first["user_id"]


def test_the_command_finds_the_same_person(two_workers):
    two_workers.sign_in(two_workers.token("barbara"))
    command = [sys.executable, "-m", "gatewayz_auth.cli", "users", "show", "barbara", "--json"]
    done = subprocess.run(command, env=two_workers.environ, capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout)["privy_user_id"] == "did:privy:barbara"


@pytest.mark.parametrize(
    ("words", "said", "next_step"),
    [
        ("users show nobody-of-that-name", "There is nobody called", "users list"),
        ("keys list nobody-of-that-name", "There is nobody called", "users list"),
        ("referrals show 424242", "There is no referral 424242", "referrals list"),
    ],
)
def test_a_command_about_nobody_says_so_and_where_to_look_next(words, said, next_step, two_workers):
    command = [sys.executable, "-m", "gatewayz_auth.cli", *words.split(), "--json"]
    done = subprocess.run(command, env=two_workers.environ, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert '"operator_error"' in done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert next_step in done.stdout + done.stderr


def test_administrative_routes_are_closed_without_the_token_and_say_404_of_nobody(two_workers):
    assert two_workers.ask("GET", "/admin/users?username=ada")[0] == 401
    assert two_workers.ask("GET", "/admin/users?username=nobody_here", admin=True)[0] == 404
    assert two_workers.ask("POST", "/admin/users/999999/disable", admin=True)[0] == 404
    assert two_workers.ask("DELETE", "/admin/keys/no-uuid", admin=True)[0] == 404
    assert two_workers.ask("GET", "/admin/users", admin=True)[0] == 422
