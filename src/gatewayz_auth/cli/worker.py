"""``gatewayz-auth worker``: works referrals and mail off; as many of them as one likes share the work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from gatewayz_auth import bootstrap_worker
from gatewayz_auth.adapters import child_process
from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.bootstrap_telemetry import logs_of
from gatewayz_auth.cli import listener, output
from gatewayz_auth.cli.dev_worker import END_WITH_PARENT
from gatewayz_auth.cli.embedded_servers import EMBEDDED
from gatewayz_auth.cli.ending import Ending
from gatewayz_auth.cli.served_app import DEV
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.settings import load_environment, read_settings

if TYPE_CHECKING:
    import argparse
    import socket
    from collections.abc import Iterator

    from gatewayz_auth.settings import Settings

EXAMPLE = "gatewayz-auth worker --port 8001"
_LIMIT_S = 9.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="address of the probes (default: 127.0.0.1)")
    parser.add_argument(
        "--port", default=None, type=int, metavar="P", help="port of /livez, /readyz and /metrics (default: none)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Work until SIGINT or SIGTERM; 0 when it was asked to end."""
    # Of `serve --dev`: says nothing of its own, and ends with it.
    parent = os.environ.get(END_WITH_PARENT)
    is_child = bool(parent)
    if parent:
        child_process.end_with_parent(signal.SIGTERM, int(parent))
    settings = _settings()
    with contextlib.ExitStack() as stack:
        taken = None
        if arguments.port is not None:
            taken = stack.enter_context(listener.take_port(arguments.host, arguments.port))
        if not is_child:
            _say(taken, as_json=arguments.json)
        asyncio.run(_work(settings, taken))
    return 0


def _settings() -> Settings:
    environ = load_environment(Path.cwd())
    dev = environ.get(DEV) == "1"
    settings = read_settings(environ, dev=dev)
    if settings.database_url != EMBEDDED:
        return settings
    # One that `serve` brings along: it is looked for where that keeps it.
    url = EmbeddedPostgres(Path(settings.state_dir).absolute(), SystemClock()).url
    return read_settings({**environ, "DATABASE_URL": url}, dev=dev)


def _say(taken: socket.socket | None, *, as_json: bool) -> None:
    probes = "" if taken is None else listener.url_of(taken)
    if as_json:
        output.show({"working": True, "probes": probes or None}, "", as_json=True)
        return
    where = f" Probes and figures: {probes}" if probes else ""
    print(f"Working referrals and mail off.{where}\nStop with Ctrl-C.", file=sys.stderr, flush=True)


async def _work(settings: Settings, taken: socket.socket | None) -> None:
    worker = bootstrap_worker.Worker(settings, logs_of(settings))
    ending = Ending(_LIMIT_S, lambda: os._exit(1))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        ending.begin()
        worker.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    probes = OwnedTasks("probes", 1)
    server = _Probes(worker)
    if taken is not None:
        probes.spawn(server.serve(sockets=[taken]), "serve")
    try:
        await worker.run()
    finally:
        server.should_exit = True
        await probes.close(1.0)
        ending.reached()


class _Probes(uvicorn.Server):
    """Answers on the worker's port, on the worker's loop; signals are the worker's."""

    def __init__(self, worker: bootstrap_worker.Worker) -> None:
        super().__init__(
            uvicorn.Config(
                worker.probes(),
                interface="asgi3",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield
