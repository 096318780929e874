"""A new version takes over under load, and hands back, without one sign-in that fails; behind nginx too."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import sys

import psycopg
import pytest
from tests.support.faults import Body, Line
from tests.support.fenced_blocks import ROOT
from tests.support.requirements import needs_debian
from tests.support.serving import CLOCK, SETTINGS_OF_THE_MACHINE, free_port
from tests.support.two_versions import (
    NEXT_VERSION,
    SOURCE,
    failures,
    handed,
    next_version,
    started,
    version_of,
    while_people_come,
)

from gatewayz_auth import __version__
from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.postgres.migrate import NEWEST
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.reliability.entropy import SystemEntropy

PER_S = 60
RETURNING = 40
EACH_SEVENTH_IS_NEW = 7


class World:
    """The next version, the settings that both are given, and people without end."""

    def __init__(self, folder, database_url, redis_url):
        self.next = next_version(folder / "next")
        self.folder = folder
        self.database_url = database_url
        self._issuer = DevIssuer(folder, SystemEntropy())
        self._newcomers = itertools.count(1)
        self.environ = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PRIVY_APP_ID": self._issuer.app_id,
            "PRIVY_VERIFICATION_KEY": self._issuer.public_pem,
            "API_KEY_SECRET": "a-secret-of-the-hand-over-and-of-nobody-else",
            "DATABASE_POOL_SIZE": "3",
            "RATE_LIMITS": "off",
        }

    def body(self, privy_id):
        issued = self._issuer.issue(privy_id, [], CLOCK.utc_now_s())
        return Body(json.dumps({"token": issued["token"], "user": issued["user"]}).encode())

    def people(self):
        """People who come again and again, and among them some whom nobody has seen."""
        known = [self.body(f"did:privy:known-{number}") for number in range(RETURNING)]
        for turn in itertools.count():
            if turn % EACH_SEVENTH_IS_NEW == 0:
                yield self.body(f"did:privy:new-{next(self._newcomers)}")
            yield known[turn % RETURNING]

    def old(self, port, taken=None, **environ):
        return started(self.folder / f"old-{port}", {**self.environ, **environ}, port, SOURCE, taken)

    def new(self, port, taken=None):
        return started(self.folder / f"new-{port}", self.environ, port, self.next, taken)

    def migrate(self):
        """What the next version's ``migrate`` does to the database, while whoever serves goes on."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gatewayz_auth.cli", "migrate", "--json"],
            cwd=self.folder,
            env={
                **{name: value for name, value in os.environ.items() if name not in SETTINGS_OF_THE_MACHINE},
                **self.environ,
                "PYTHONPATH": str(self.next),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["after"] == NEWEST + 1

    def schema(self):
        with psycopg.connect(self.database_url) as connection:
            return connection.execute("SELECT max(version) FROM gatewayz_auth.schema_version").fetchone()[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory, postgres_server, valkey_server):
    url = postgres_server.database()
    yield World(tmp_path_factory.mktemp("hand-over"), url, valkey_server.url)
    postgres_server.drop(url)


@pytest.fixture
def running():
    """What is to end with the test."""
    with contextlib.ExitStack() as stack:
        yield stack


def test_two_versions_hand_over_on_one_port_and_back_without_one_failed_sign_in(world, running):
    taken = running.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
    port = taken.getsockname()[1]
    blue = running.enter_context(world.old(port, taken))
    seen = [version_of(port)]

    def forward_and_back():
        world.migrate()
        green = running.enter_context(world.new(port, taken))
        assert blue.end()[0] == 0
        seen.append(version_of(port))
        running.enter_context(world.old(port, taken))
        assert green.end()[0] == 0
        seen.append(version_of(port))

    outcomes = asyncio.run(while_people_come(port, world.people(), PER_S, forward_and_back))
    assert failures(outcomes) == ([], 0)
    assert len(outcomes) > PER_S
    assert seen == [__version__, NEXT_VERSION, __version__]
    assert world.schema() == NEWEST + 1


@pytest.fixture(scope="module")
def nginx():
    return needs_debian("nginx-light", "nginx")


@contextlib.contextmanager
def balanced(nginx, folder, ports):
    """nginx with our own example before services on ``ports``; the port that it listens on."""
    folder.mkdir()
    port = free_port()
    text = (ROOT / "ops" / "nginx" / "gatewayz-auth.conf").read_text()
    for was, now in (("8001", ports[0]), ("8002", ports[1])):
        text = text.replace(f"127.0.0.1:{was}", f"127.0.0.1:{now}")
    text = re.sub(r"(?m)^ +(listen .*|ssl_.*|http2 .*)\n", "", text).replace(
        "server_name ", f"listen 127.0.0.1:{port};\n    server_name "
    )
    (folder / "site.conf").write_text(text)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events {}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;"
        f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;"
        f" include {folder}/site.conf; }}\n"
    )
    process = subprocess.Popen([nginx, "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"])
    try:
        assert wait_until(lambda: takes_callers(port), CLOCK, 10)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def takes_callers(port):
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_who_asks_on_an_idle_connection_at_the_end_is_answered_and_told_to_come_on_another(world, running):
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(world.folder / "notify"))
        told.settimeout(10)
        serving = running.enter_context(world.old(port, NOTIFY_SOCKET=str(world.folder / "notify")))
        assert told.recv(100) == b"READY=1"

    async def at_the_end():
        idle, busy, people = Line(port), Line(port), world.people()
        replies = [await idle.ask(next(people)), await busy.ask(next(people))]
        ending = asyncio.ensure_future(asyncio.to_thread(serving.end))
        while "connection" not in replies[-1].headers:
            replies.append(await busy.ask(next(people)))
        replies.append(await idle.ask(next(people)))
        await busy.hang_up()
        await idle.hang_up()
        return replies, (await ending)[0]

    replies, code = asyncio.run(at_the_end())
    assert {reply.status for reply in replies} == {200}
    assert [reply.headers.get("connection") for reply in replies[-2:]] == ["close", "close"]
    assert code == 0


@pytest.mark.parametrize(
    ("kind", "count", "says"),
    [
        (socket.AF_INET, "2", "2 sockets were handed over and one is needed"),
        (socket.AF_UNIX, "1", "The socket that was handed over listens on no TCP port"),
    ],
)
def test_a_socket_that_cannot_be_served_from_is_refused_in_one_sentence(world, running, tmp_path, kind, count, says):
    with socket.socket(kind) as taken:
        taken.bind(("127.0.0.1", 0) if kind == socket.AF_INET else str(tmp_path / "socket"))
        taken.listen()
        refused = running.enter_context(handed(tmp_path, world.environ, SOURCE, taken, count=count))
        assert refused.outcome() == 1
    assert [line for line in refused.said if says in line], refused.output


def test_two_versions_hand_over_behind_nginx_without_one_failed_sign_in(world, running, nginx):
    blue_port, green_port = free_port(), free_port()
    blue = running.enter_context(world.old(blue_port))
    port = running.enter_context(balanced(nginx, world.folder / "nginx", (blue_port, green_port)))
    served = [version_of(blue_port)]

    def forward():
        world.migrate()
        running.enter_context(world.new(green_port))
        assert blue.end()[0] == 0
        served.append(version_of(green_port))

    outcomes = asyncio.run(while_people_come(port, world.people(), PER_S, forward))
    assert failures(outcomes) == ([], 0)
    assert len(outcomes) > PER_S
    assert served == [__version__, NEXT_VERSION]
