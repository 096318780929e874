"""The examples run, and do what they say."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from tests.support.fenced_blocks import ROOT

EXAMPLES = ROOT / "examples"
PLAIN = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "API_KEY_SECRET"}}


def founding_route(**environ):
    pytest.importorskip("supabase", reason="needs supabase: pip install supabase")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "founding_route.py"],
        env=PLAIN | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_founding_documents_route_runs_with_the_real_supabase_client(redis_url):
    lines = founding_route(REDIS_URL=redis_url, API_KEY_SECRET="s" * 40)
    assert lines.count("signed in: ada with 1 key") == 2
    assert "Cache hit for Privy ID: did:privy:ada" in lines
    assert "credits now: 5" in lines
    assert "Privy ID lookup timed out: timeout exceeded 0.5s" in lines
    assert "found while the database says nothing: None" in lines
    assert "not known, which is not the same as not found: timeout exceeded 0.5s" in lines
    assert lines[-1] == "released after 1.0 s, walked away from: 2"
    assert any(line.startswith("Connection pool diagnostics: active=0, idle=1, max=") for line in lines)


def test_it_runs_without_redis_too():
    lines = founding_route()
    assert lines.count("signed in: ada with 1 key") == 2
    assert not [line for line in lines if line.startswith("Cache hit")]


@pytest.fixture
def mounted():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, EXAMPLES / "mounted_in_fastapi.py", str(port)]
    process = subprocess.Popen(command, env=PLAIN, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Listening on")
    transport = httpx.HTTPTransport(retries=12)  # until it has migrated and listens
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=20) as client:
        yield client
    process.send_signal(signal.SIGINT)
    assert process.wait(20) in {0, -signal.SIGINT}
    process.stdout.close()


def test_the_service_signs_people_in_from_within_another_program(mounted):
    assert mounted.get("/models").json() == {"models": ["one", "another"]}
    body = mounted.post("/dev/token", json={"privy_user_id": "did:privy:ada", "linked_accounts": []}).json()
    answers = [mounted.post("/api/auth", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["x-auth-source"] for answer in answers] == ["database", "cache"]
    assert answers[0].json()["api_key"] == answers[1].json()["api_key"]
    assert mounted.get("/livez").json() == {"status": "alive"}
    assert mounted.post("/api/auth", json=body | {"token": "x"}).status_code == 401
