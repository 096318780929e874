"""The real service in a process of its own, each of its neighbours behind a proxy that misbehaves on request."""

import asyncio
import contextlib
import itertools
import json
import sys
import time
from typing import NamedTuple

import psycopg
from tests.support.faulty_proxy import FaultyProxy
from tests.support.serving import CLOCK, Serving, free_port
from tests.support.serving import workers as worker_pids
from tests.support.withheld import MOST, Stopwatch, Withheld

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.reliability.entropy import SystemEntropy

GIVES_UP_S = 12.0
"""A caller who waits longer has met a hang."""

NOTICED_AFTER_S = 1.2

_ENTROPY = SystemEntropy()
_numbers = itertools.count(1)


class Reply(NamedTuple):
    """What one caller got, and after how long."""

    status: int
    headers: dict[str, str]
    body: dict
    took_s: float
    withheld_s: float = 0.0
    """How long service and callers stood in line for a processor while all who came together were answered."""

    @property
    def promised_s(self):
        """What is held against a promise: how long it took in the time that service and callers were let run."""
        return self.took_s - min(self.withheld_s, MOST * self.took_s)

    def __repr__(self):
        return f"<{self.seen}>"

    @property
    def source(self):
        return self.headers.get("x-auth-source")

    @property
    def seen(self):
        """Short, for messages: nothing personal."""
        return f"{self.status} {self.source or '-'} {self.took_s:.3f}s"


class Body(bytes):
    """A sign-in as it is sent; it holds a token, so it is not shown."""

    def __repr__(self):
        return f"<a body of {len(self)} bytes>"


class Line:
    """One caller's connection, kept open from question to question."""

    def __init__(self, port):
        self._port = port
        self._reader = self._writer = None

    async def ask(self, body):
        """POST ``body`` as a sign-in; a reply that does not come in ``GIVES_UP_S`` is a ``TimeoutError``."""
        began_s = CLOCK.monotonic_s()
        async with asyncio.timeout(GIVES_UP_S):
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            head = f"POST /api/auth HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
            self._writer.write(head.encode() + body)
            first, *fields = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
            text = await self._reader.readexactly(int(headers["content-length"]))
        return Reply(int(first.split()[1]), headers, json.loads(text), CLOCK.monotonic_s() - began_s)

    def is_over(self):
        """Whether the other side has closed it."""
        return self._reader is not None and self._reader.at_eof()

    async def hang_up(self):
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _ask_all(port, bodies):
    async def ask(body):
        line = Line(port)
        try:
            return await line.ask(body)
        finally:
            await line.hang_up()

    return await asyncio.gather(*(ask(body) for body in bodies))


async def keep_asking(port, bodies, callers, until):
    """``callers`` ask at once, each on its own line and again and again, until ``until()``; all replies."""
    replies = []

    async def call(turn):
        line = Line(port)
        for body in itertools.islice(itertools.cycle(bodies), turn, None):
            if until():
                break
            replies.append(await line.ask(body))
        await line.hang_up()

    await asyncio.gather(*(call(turn) for turn in range(callers)))
    return replies


def p99_s(replies):
    """The time within which 99 of 100 were answered."""
    times = sorted(reply.took_s for reply in replies)
    return times[min(len(times) - 1, int(len(times) * 0.99))]


def through_postgres(proxy, database_url):
    """The URL of the same database through ``proxy``."""
    database = database_url.split("@/")[1].split("?")[0]
    options = "sslmode=disable&gssencmode=disable"
    return f"postgresql://postgres@{proxy.host}:{proxy.port}/{database}?{options}"


def before_postgres(database_url):
    """A proxy that carries to the server of ``database_url``."""
    return FaultyProxy(f"{database_url.split('host=')[1]}/.s.PGSQL.5432")


def reset_and_say_nothing(proxy):
    """End all connections, and take new ones without ever a word on them."""
    proxy.say_nothing()
    proxy.reset()


class Faulted:
    """The service, its proxies ``postgres`` and ``redis``, and the people who call."""

    def __init__(self, folder, database_url, redis_url, **settings):
        self.folder = folder
        self.database_url = database_url
        self.redis_url = redis_url
        self.postgres = before_postgres(database_url)
        self.redis = FaultyProxy(redis_url.removeprefix("unix://"))
        self._settings = settings
        self.issuer = DevIssuer(folder, _ENTROPY)
        self.serving = None
        self._workers = 1
        self.started_s = 0.0

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.postgres)
            stack.enter_context(self.redis)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.postgres.thaw()
        self.redis.thaw()
        self._stack.close()

    def start(self, *, workers=1, program=None, **settings):
        """Start it, or another one; return when it answers. ``program`` stands for the command line's own.

        ``started_s`` is how long it took in the time that it was let run.
        """
        environ = {
            "DATABASE_URL": through_postgres(self.postgres, self.database_url),
            "REDIS_URL": f"redis://{self.redis.host}:{self.redis.port}/0",
            "PRIVY_APP_ID": self.issuer.app_id,
            "PRIVY_VERIFICATION_KEY": self.issuer.public_pem,
            "API_KEY_SECRET": "a-secret-of-the-fault-tests-and-of-nobody-else",
            "STATE_DIR": str(self.folder / "state"),
            "LOG_FORMAT": "json",
            "RATE_LIMITS": "off",
            **self._settings,
            **settings,
        }
        environ = {name: value for name, value in environ.items() if value is not None}
        began_s = CLOCK.monotonic_s()
        self._workers = workers
        port = free_port()
        arguments = ["serve", "--port", str(port), "--workers", str(workers)]
        command = [sys.executable, "-P", *([str(program)] if program else ["-m", "gatewayz_auth.cli"]), *arguments]
        self.serving = self._stack.enter_context(Serving(self.folder, port=port, environ=environ, command=command))
        withheld = Withheld(self.serving.process.pid)
        self.serving.wait_for("Listening on")
        self.started_s = CLOCK.monotonic_s() - began_s - withheld.seconds
        return self

    def body(self, privy_id, **changes):
        """What a front end sends for ``privy_id``."""
        issued = self.issuer.issue(privy_id, [], CLOCK.utc_now_s())
        return Body(json.dumps({"token": issued["token"], "user": issued["user"], **changes}).encode())

    def people(self, kind, count):
        """Bodies of ``count`` people whom nobody has seen."""
        return [self.body(f"did:privy:{kind}-{next(_numbers)}") for _ in range(count)]

    def before_privy(self, count):
        """Accounts from before Privy, and bodies of their owners, who prove the e-mail; who nobody has seen since."""
        bodies = []
        for number in itertools.islice(_numbers, count):
            email = f"before-{number}@example.com"
            self.sql("INSERT INTO public.users (username, email) VALUES (%s, %s)", f"before-{number}", email)
            accounts = [{"type": "email", "address": email}]
            issued = self.issuer.issue(f"did:privy:before-{number}", accounts, CLOCK.utc_now_s())
            bodies.append(Body(json.dumps(issued).encode()))
        return bodies

    def forgers(self, count):
        """Bodies whose tokens do not verify, of people whom nobody has seen."""
        bodies = []
        for body in self.people("forger", count):
            told = json.loads(body)
            head, claims, signature = told["token"].split(".")
            told["token"] = f"{head}.{claims}.{signature[::-1]}"
            bodies.append(Body(json.dumps(told).encode()))
        return bodies

    def ask(self, bodies):
        """All of ``bodies`` at once, each on a connection of its own; the replies in their order."""
        withheld = Withheld(self.serving.process.pid, *self._pids_of_workers())
        replies = asyncio.run(_ask_all(self.serving.port, bodies))
        withheld_s = withheld.seconds
        return [reply._replace(withheld_s=withheld_s) for reply in replies]

    def _pids_of_workers(self):
        return worker_pids(self.serving.process.pid) if self._workers > 1 else []

    def sign_in(self, bodies, limit_s=10.0):
        """The replies to ``bodies`` once all are signed in: who is told to come back does, for a machine was busy."""
        replies = {}

        def are_in():
            asked = [body for body in bodies if body not in replies]
            replies.update(
                (body, reply) for body, reply in zip(asked, self.ask(asked), strict=True) if reply.status != 503
            )
            return len(replies) == len(bodies)

        assert wait_until(are_in, CLOCK, limit_s), f"{len(replies)} of {len(bodies)} are in"
        assert {reply.status for reply in replies.values()} == {200}, list(replies.values())
        return [replies[body] for body in bodies]

    def keep_asking(self, bodies, callers, until):
        return asyncio.run(keep_asking(self.serving.port, bodies, callers, until))

    def connected(self):
        """A connection to the database, past the proxy."""
        return psycopg.connect(self.database_url, autocommit=True)

    def sql(self, statement, *parameters):
        """The rows of ``statement``, past the proxy."""
        with self.connected() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def users(self):
        return self.sql("SELECT count(*) FROM public.users")[0][0]

    def said(self, text):
        """How many log lines say ``text``."""
        return sum(text in line for line in tuple(self.serving.lines))

    def opened(self, neighbour):
        """How often its breaker opened, out of half-open included."""
        lines = [line for line in tuple(self.serving.lines) if f"Circuit breaker of {neighbour}:" in line]
        return sum("-> open" in line for line in lines)

    def stopwatch(self):
        """One that stands still while service and callers are not let run."""
        return Stopwatch(self.serving.process.pid, *self._pids_of_workers())

    def seconds_until(self, condition, limit_s):
        """The seconds, of those in which service and callers were let run, until ``condition``; inf if above limit."""
        took = self.stopwatch()
        while not condition():
            if took.seconds > limit_s:
                return float("inf")
            time.sleep(0.01)
        return took.seconds

    def let_notice(self):
        """Let the second pass in which the contract has a change of a person noticed, with nobody asking."""
        noticing = self.stopwatch()
        while noticing.seconds < NOTICED_AFTER_S:
            time.sleep(0.01)

    def until_opened(self, neighbour, before, limit_s):
        assert self.seconds_until(lambda: self.opened(neighbour) > before, limit_s) <= limit_s, "it stays closed"

    def until_served(self, limit_s, neighbour="postgres"):
        """The seconds until people whom nobody has seen are signed in and nobody's breaker is open any more."""

        def is_served():
            return self.ask(self.people("patient", 1))[0].status == 200 and self.is_closed(neighbour)

        took_s = self.seconds_until(is_served, limit_s)
        assert took_s <= limit_s, "it did not come back"
        return took_s

    def is_closed(self, neighbour):
        changes = [line for line in tuple(self.serving.lines) if f"Circuit breaker of {neighbour}:" in line]
        return not changes or "-> closed" in changes[-1]
