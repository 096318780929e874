"""What each duty of the hot route costs in processor time: the application driven without a server around it."""

from __future__ import annotations

import asyncio
import cProfile
import datetime as dt
import pstats
import sys
import tempfile
import time
import timeit
from decimal import Decimal
from pathlib import Path

import uvloop

from benchmarks.people import People
from benchmarks.rows import Row
from gatewayz_auth.domain.cached_person import CachedPerson
from gatewayz_auth.domain.users import Account
from gatewayz_auth.web.whole_answer import EXTENSION

REQUESTS = 4000
TURNS = 38
CALLERS = 50
PEOPLE = 500
TOGETHER = 64


def account(number: int) -> Account:
    now = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    name = f"person{number}"
    return Account(number, "default", f"did:privy:person{number:07d}", name, "Person", "email", f"{name}@example.com",
                   None, None, None, Decimal(3), "basic", "trial", now, None, False, True, now)  # fmt: skip


def service(state: Path):
    """A service whose process cache is full of people and whose neighbours are never asked."""
    from gatewayz_auth.adapters import logs
    from gatewayz_auth.bootstrap import Service
    from gatewayz_auth.settings import read_settings

    settings = read_settings(
        {"STATE_DIR": str(state), "API_KEY_SECRET": "k" * 40, "DATABASE_URL": "postgresql://nowhere/x",
         "REDIS_URL": "redis://127.0.0.1:1/0", "LOG_FORMAT": "json", "LOG_FILE": str(state / "log")}, dev=True,
    )  # fmt: skip
    return Service(settings, logs.Logs(_Nowhere(), True, 20))


class _Nowhere:
    def write_later(self, make, facts, utc_now_s):
        pass

    def write(self, line: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def _sent(scope, head, body) -> bool:
    """What our own connections do with a whole answer, but for the sending."""
    return True


async def _drive(app, requests: list[bytes], start: int = 0) -> float:
    async def send(message) -> None:
        pass

    scopes = []
    for raw in requests:
        head, _, body = raw.partition(b"\r\n\r\n")
        headers = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[1:]]
        scope = {"type": "http", "path": "/api/auth", "method": "POST", "headers": headers, "client": ("127.0.0.1", 1),
                 "extensions": {EXTENSION: {"send": _sent}}}  # fmt: skip
        scopes.append((scope, {"type": "http.request", "body": body, "more_body": False}))
    waiting = iter(scopes)

    async def caller():
        for scope, message in waiting:

            async def receive(message=message):
                return message

            await app(scope, receive, send)

    started = time.process_time()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return (time.process_time() - started) / len(requests)


def _prepared(folder: str):
    state = Path(folder)
    people = People(state)
    whole = service(state)
    for number in range(PEOPLE):
        person = CachedPerson(account(number), (), whole.clock.utc_now_s(), 0)
        whole.cache._remember("live", person, "gw_live_" + "x" * 36)
    return people, whole


def _alone_s(work) -> float:
    return min(timeit.timeit(work, number=200, timer=time.process_time) for _ in range(40)) / 200


def _together_s(work) -> float:
    """What one of ``TOGETHER`` costs: the route takes each step for all who arrive in one turn of the loop."""
    return min(timeit.timeit(work, number=2, timer=time.process_time) for _ in range(60)) / 2 / TOGETHER


def _duties(people: People, whole, app) -> list[Row]:
    """Each duty by itself, as it runs when nothing has thrown it out of the processor's nearest memory."""
    import orjson

    from gatewayz_auth.adapters.privy import jws
    from gatewayz_auth.domain.sign_in import Source
    from gatewayz_auth.web import sign_in as route

    head, _, body = people.request(1, 1).partition(b"\r\n\r\n")
    headers = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[1:]]
    request = route.parse(body)
    several = [route.parse(people.request(1, n).partition(b"\r\n\r\n")[2]).token for n in range(TOGETHER)]
    tokens, now_s = whole.verifier._verifier, time.time()
    remembered = whole.verifier._access
    compacts = [jws.Compact(token, 4096) for token in several]
    ders, keys = [jws.der_signature(compact.tail) for compact in compacts], whole.keys.candidates(None)

    def signatures():
        for compact, der in zip(compacts, ders, strict=True):
            jws.is_signed(compact.signed, der, keys)

    def visit():
        return route._Visit(app._ids.next(), app._now_s(), dict(headers))

    def unseen():
        remembered.clear()
        whole.verifier.access_all(several, now_s)

    def timer():
        app._watches.begin(shown, 5.0)
        app._watches.end(shown)

    signature_s = _together_s(signatures)
    verify_s = _together_s(lambda: tokens.access_all(compacts, now_s))
    shown = visit()
    shown.request = request
    shown.started_s = shown.parsed_s = shown.verified_s = time.monotonic()
    answer = whole.sign_in.fresh(request, ())
    assert answer is not None
    assert answer.source is Source.CACHE
    report = app._answered(shown, answer)[2]
    decode_s = _alone_s(lambda: orjson.loads(body))

    async def timed() -> float:
        return _alone_s(timer)

    costs = {
        "name the request and read its headers": _alone_s(visit),
        "the limit on its time": uvloop.run(timed()),
        "limits of the body": _alone_s(lambda: route.check_declared(shown.headers)),
        "decode the body": decode_s,
        "validate each of its fields": _alone_s(lambda: route.parse(body)) - decode_s,
        "check the signature": signature_s,
        "all else of strict verification": verify_s - signature_s,
        "take the token apart, hash and remember it": _together_s(unseen) - verify_s,
        "find a token seen before": _together_s(lambda: whole.verifier.access_all(several, now_s)),
        "look into the cache": _alone_s(lambda: whole.sign_in.fresh(request, ())),
        "headers, body and report": _alone_s(lambda: app._answered(shown, answer)),
        "tell the figures, the console and the log": _alone_s(lambda: app._report(report)),
        "the log line itself, where it is written": _alone_s(lambda: whole.sign_in_log._line(report, now_s)),
    }
    return [Row(f"duty alone: {name}", f"{cost_s * 1e6:.1f} µs", f"signature {signature_s * 1e6:.1f} µs")
            for name, cost_s in costs.items()]  # fmt: skip


def run() -> list[Row]:
    import os

    from benchmarks import floor
    from gatewayz_auth.web.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        people, whole = _prepared(folder)
        os.environ["FLOOR_PUBLIC_KEY"] = people.issuer.public_pem
        requests = [people.request(n % PEOPLE, n) for n in range(REQUESTS)]

        async def measure():
            app, bare = create_app(whole.parts()), floor.application()
            await _drive(app, requests[:200]), await _drive(bare, requests[:200])
            ours, base = [], []
            for turn in range(TURNS):  # short ones, and the best of each: a shared machine disturbs long ones
                part = requests[200 + turn * 100 : 300 + turn * 100]
                base.append(await _drive(bare, part))
                ours.append(await _drive(app, part))
            return min(ours), min(base)

        ours, base = uvloop.run(measure())
        duties = _duties(people, whole, create_app(whole.parts()))
    return [Row("the application alone, a cached sign-in", f"{ours * 1e6:.1f} µs", f"floor {base * 1e6:.1f} µs",
                base / ours, "0.90 or more"), *duties]  # fmt: skip


def profile() -> None:
    from gatewayz_auth.web.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        people, whole = _prepared(folder)
        requests = [people.request(n % PEOPLE, n) for n in range(REQUESTS)]

        async def measure():
            app = create_app(whole.parts())
            profiler = cProfile.Profile()
            profiler.enable()
            await _drive(app, requests)
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(32)

        asyncio.run(measure())


if __name__ == "__main__":
    if "--profile" in sys.argv:
        profile()
    else:
        print(*run(), sep="\n")
