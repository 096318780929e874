"""The founding document's three integration tests work as docs/how-to/load-test.md prints them, but for the ports."""

import contextlib
import itertools
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from tests.support.fenced_blocks import ADDRESS, ROOT, blocks
from tests.support.requirements import needs_debian
from tests.support.serving import CLOCK, SETTINGS_OF_THE_MACHINE, Serving, free_port

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import binary

PAGE = ROOT / "docs/how-to/load-test.md"
DOCUMENT = (
    "ab -n 1000 -c 100 -p auth_request.json http://localhost:8000/api/auth",
    'tail -f logs/app.log | grep "Connection pool"',
    'redis-cli MONITOR | grep "auth:"',
)


def printed(word):
    """The one block of the page that has ``word``."""
    (text,) = [block.text for block in blocks(PAGE) if word in block.text]
    return text


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory):
    port = free_port()
    command = [str(binary()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"]
    process = subprocess.Popen(command, cwd=tmp_path_factory.mktemp("redis"), stdout=subprocess.DEVNULL)
    yield port
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory, redis_port):
    needs_debian("apache2-utils", "ab")
    needs_debian("redis-tools", "redis-cli")
    environ = {"REDIS_URL": f"redis://127.0.0.1:{redis_port}/0", "DATABASE_POOL_SIZE": "2"}
    with Serving(tmp_path_factory.mktemp("page"), environ=environ) as serving:
        yield serving.ready()


def command_of(running, redis_port, text):
    """How a shell is asked to do ``text`` here."""
    here = text.replace(ADDRESS, running.url).replace("redis-cli ", f"redis-cli -p {redis_port} ")
    return ["bash", "-euo", "pipefail", "-c", here]


def environment():
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_THE_MACHINE}
    return {**inherited, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"}


@pytest.fixture
def shell(running, redis_port):
    def done(text):
        ended = subprocess.run(
            command_of(running, redis_port, text),
            cwd=running.folder, env=environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout[-1000:] + ended.stderr[-1000:]
        return ended.stdout

    return done


class OnATerminal:
    """A command that never ends, as somebody sees it who looks on."""

    def __init__(self, command, folder):
        self._terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=theirs, start_new_session=True
        )
        os.close(theirs)
        self.seen = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError):
            while chunk := os.read(self._terminal, 4096):
                self.seen += chunk.decode(errors="replace")

    def waits_for(self, words, limit_s=20):
        assert wait_until(lambda: words in self.seen, CLOCK, limit_s), self.seen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._terminal)


def test_the_page_prints_what_the_founding_document_prints():
    text = PAGE.read_text()
    assert not [line for line in DOCUMENT if line not in text]


def test_a_thousand_of_one_person_need_the_limits_off_and_are_all_signed_in_then(shell, running, redis_port):
    cache = OnATerminal(command_of(running, redis_port, printed("redis-cli MONITOR |")), running.folder)
    with cache:
        refused = int(re.search(r"Non-2xx responses: +(\d+)", shell(printed("ab -n 1000")))[1])
        assert 700 <= refused <= 800
        cache.waits_for('"auth:privy_id:did:privy:ada"')
    shell(printed("RATE_LIMITS off"))
    said = ""

    def all_are_signed_in():
        nonlocal said
        said = shell(printed("ab -n 1000"))
        return "Non-2xx" not in said

    assert wait_until(all_are_signed_in, CLOCK, 20), said
    assert re.search(r"Complete requests: +1000", said)


def test_a_pool_that_becomes_stressed_is_seen_in_the_log(running, redis_port):
    seen = threading.Event()
    url = EmbeddedPostgres(running.folder / ".state", CLOCK).url

    def be_slow():
        """Somebody else's locks, each too short to be an outage."""
        with psycopg.connect(url, autocommit=True) as connection:
            while not seen.wait(0.01):
                with connection.transaction():
                    connection.execute("LOCK TABLE users")
                    connection.execute("SELECT pg_sleep(0.25)")

    def come(who):
        for number in itertools.count():
            if seen.is_set():
                return
            with contextlib.suppress(RuntimeError):  # come back, it is told
                running.sign_in(f"did:privy:stress{who}-{number}")

    busy = [threading.Thread(target=be_slow), *(threading.Thread(target=come, args=(who,)) for who in range(6))]
    with OnATerminal(command_of(running, redis_port, printed("tail -f")), running.folder) as log:
        for thread in busy:
            thread.start()
        try:
            log.waits_for("Connection pool is stressed: utilization=100%, status=CRITICAL")
        finally:
            seen.set()
            for thread in busy:
                thread.join(15)
    assert not any(thread.is_alive() for thread in busy)
