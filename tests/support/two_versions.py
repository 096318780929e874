"""The version after this one, and processes of both behind one socket or one balancer."""

import asyncio
import re
import shutil
import sys
import urllib.request

from tests.support.crowd import Crowd
from tests.support.fenced_blocks import ROOT
from tests.support.serving import Serving

from gatewayz_auth.adapters.postgres.migrate import NEWEST

NEXT_VERSION = "9.9.9"
SOURCE = ROOT / "src"
_NEXT_STEP = {
    "up": "ALTER TABLE public.users ADD COLUMN of_the_next_version text;"
    "INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (NUMBER, 'next');",
    "down": "ALTER TABLE public.users DROP COLUMN of_the_next_version;"
    "DELETE FROM gatewayz_auth.schema_version WHERE version = NUMBER;",
}
_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[2])
os.execv(sys.executable, [sys.executable, *sys.argv[3:]])
"""
_SERVE = ("-P", "-m", "gatewayz_auth.cli", "serve", "--port")


def next_version(folder):
    """The version after this one, in ``folder``: it brings a step of the schema that this one does not know."""
    package = shutil.copytree(SOURCE / "gatewayz_auth", folder / "gatewayz_auth")
    shutil.copytree(ROOT / "docs" / "runbook", folder / "docs" / "runbook")
    steps, number = package / "adapters" / "postgres" / "migrations", NEWEST + 1
    for way, text in _NEXT_STEP.items():
        (steps / f"{number:04d}_next.{way}.sql").write_text(text.replace("NUMBER", str(number)))
    init = package / "__init__.py"
    init.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{NEXT_VERSION}"', init.read_text()))
    return folder


def started(folder, environ, port, source, taken=None):
    """``serve`` of the package in ``source``, on the socket ``taken`` where there is one; ready when it returns."""
    folder.mkdir(exist_ok=True)
    if taken is not None:
        return handed(folder, environ, source, taken, port=port).ready()
    command = [sys.executable, *_SERVE, str(port)]
    return Serving(folder, port=port, environ=_of(source, folder, environ), command=command).ready()


def handed(folder, environ, source, taken, *, port=0, count="1"):
    """``serve`` that is handed the socket ``taken``, as systemd would do it, and told that there are ``count``."""
    return Serving(
        folder,
        port=port,
        environ=_of(source, folder, environ),
        command=[sys.executable, "-c", _HAND_OVER, str(taken.fileno()), count, *_SERVE, str(port)],
        keeps=(taken.fileno(),),
    )


def _of(source, folder, environ):
    return {**environ, "PYTHONPATH": str(source), "STATE_DIR": str(folder / "state")}


def version_of(port):
    """Which version answers on ``port``."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return re.search(r'build_info{.*version="([^"]+)"', answer.read().decode())[1]


class Visitors(Crowd):
    """Callers like any HTTP client: a connection that its server has closed, or said it would, is not used again."""

    async def one(self, body):
        while self._idle and self._idle[-1].is_over():
            await self._idle.pop().hang_up()
        reply = await super().one(body)
        if reply.headers.get("connection") == "close":
            await self._idle.pop().hang_up()
        return reply


async def while_people_come(port, bodies, per_s, steps):
    """``bodies`` come at ``per_s`` a second while ``steps`` is carried out in a thread, and until it is done.

    Everybody's reply; a connection that broke is an error. ``bodies`` has no end.
    """
    visitors = Visitors(port)
    work = asyncio.ensure_future(asyncio.to_thread(steps))
    began = asyncio.get_running_loop().time()
    asking = []
    while not work.done():
        asking.append(asyncio.ensure_future(visitors.one(next(bodies))))
        await asyncio.sleep(max(0, began + len(asking) / per_s - asyncio.get_running_loop().time()))
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    await visitors.leave()
    await work
    return outcomes


def failures(outcomes):
    """What became of those who were not signed in, by kind."""
    bad = [o for o in outcomes if isinstance(o, BaseException) or o.status != 200]
    return sorted({type(o).__name__ if isinstance(o, BaseException) else str(o.status) for o in bad}), len(bad)
