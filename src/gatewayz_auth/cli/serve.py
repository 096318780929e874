"""``gatewayz-auth serve``: the service, and with ``--dev`` everything that it needs as well."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayz_auth.adapters import child_process
from gatewayz_auth.adapters.postgres.migrate import migrate
from gatewayz_auth.adapters.privy.dev_issuer import APP_ID
from gatewayz_auth.cli import listener, open_files, output, worker_count
from gatewayz_auth.cli.announcement import Announcement, Announcer
from gatewayz_auth.cli.dev_worker import END_WITH_PARENT, DevWorker
from gatewayz_auth.cli.embedded_servers import EMBEDDED, EmbeddedServers, wants_embedded
from gatewayz_auth.cli.ending import Ending
from gatewayz_auth.cli.inherited_socket import inherited_socket
from gatewayz_auth.cli.served_app import DEV, RUN, ServedApp
from gatewayz_auth.cli.state_folder import StateFolder
from gatewayz_auth.cli.told_to_systemd import tell_ready
from gatewayz_auth.cli.web_server import WebServer
from gatewayz_auth.domain.errors import NotKnown, StartupError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.settings import load_environment, read_settings
from gatewayz_auth.settings import warnings as setting_warnings

if TYPE_CHECKING:
    import argparse
    import socket

EXAMPLE = "gatewayz-auth serve --dev --port 8123"
_CONSOLE_KEY = "GATEWAYZ_AUTH_CONSOLE_KEY"  # what the printed link opens the console with; read by the workers
_DEV_GRACE_S, _DEV_LIMIT_S = 2, 2.6  # with 1.2 s for the embedded servers all is gone within 4 s
_FAILED_LIMIT_S = 1  # between a start that failed and the end, whatever is deaf to being cancelled
_GRACE_OVER_BUDGET_S, _LIMIT_OVER_GRACE_S = 2, 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", default=8000, type=int, metavar="P", help="port to listen on (default: 8000; 0: any)")
    parser.add_argument("--workers", default=1, type=int, metavar="N", help="processes, 1 to 256 (default: 1)")
    parser.add_argument(
        "--dev",
        action="store_true",
        help="bring an embedded Postgres and Valkey, and accept tokens of a development issuer: anybody can be anybody",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; 0 when it was asked to end."""
    if os.environ.get(END_WITH_PARENT):
        child_process.end_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, _interrupt)
    open_files.allow_all()
    try:
        with ExitStack() as stack:
            _Run(arguments).all(stack)
    except KeyboardInterrupt:
        return 0
    return 0


class _Run:
    """One run, from the settings to the end."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        worker_count.check(arguments.workers)
        self._arguments = arguments
        self._environ = load_environment(Path.cwd())
        self._settings = read_settings(self._environ, dev=arguments.dev)
        self._clock = SystemClock()
        self._worker = DevWorker()
        self._doors: list[socket.socket] = []
        self._is_shared = False
        self._output = sys.stdout if arguments.dev and not arguments.json else sys.stderr

    def all(self, stack: ExitStack) -> None:
        """Take the folder and the port, start the servers, migrate, serve; the stack undoes it backwards."""
        arguments, settings = self._arguments, self._settings
        for line in (*setting_warnings(self._environ), *self._worker_warnings()):
            print(f"gatewayz-auth: {line}", file=sys.stderr, flush=True)
        brings_servers = wants_embedded(settings)
        folder = stack.enter_context(StateFolder(Path(settings.state_dir).absolute()))
        if settings.dev or brings_servers:
            folder.open(f"http://{arguments.host}:{arguments.port}")
        handed = inherited_socket(os.environ)
        taken = stack.enter_context(handed or listener.take_port(arguments.host, arguments.port))
        self._is_shared = handed is not None
        if not self._is_shared and not settings.dev:
            listener.close_until_served(taken)
        self._doors = self._operators_socket(taken, stack)
        servers = EmbeddedServers(settings, self._clock)
        stack.callback(servers.stop)
        stack.callback(_ignore_signals)
        try:
            servers.start(self._progress)
        except OSError as error:
            raise folder.unusable(error) from None
        self._hand_over(servers, folder, listener.url_of(taken))
        if settings.dev or brings_servers:
            self._migrate()
        self._progress("Starting the service ...")
        stack.callback(self._worker.stop)
        if settings.dev:
            self._worker.start()
        self._serve(taken, servers, folder, stack)

    def _worker_warnings(self) -> list[str]:
        settings = self._settings
        return worker_count.warnings(
            self._arguments.workers,
            settings.database_pool_size,
            processors=worker_count.processors(),
            is_embedded=settings.database_url == EMBEDDED,
        )

    def _hand_over(self, servers: EmbeddedServers, folder: StateFolder, url: str) -> None:
        """Put into the environment what the service's processes are to read there."""
        os.environ.update(self._environ)
        os.environ.pop(DEV, None)
        os.environ.update(servers.urls)
        os.environ["STATE_DIR"] = str(folder.path)
        folder.leave_supplied("serve --dev" if self._settings.dev else "serve", url, self._supplied(servers))
        os.environ[RUN] = f"{os.getpid()}-{int(self._clock.utc_now_s())}"
        if self._settings.dev:
            os.environ[DEV] = "1"
            os.environ[_CONSOLE_KEY] = folder.secret(SystemEntropy(), "console-key")
            if not self._settings.api_key_secrets:
                os.environ["API_KEY_SECRET"] = folder.secret(SystemEntropy())

    def _supplied(self, servers: EmbeddedServers) -> dict[str, str]:
        """What the service is given beyond the environment, as `settings` may show it."""
        supplied = dict.fromkeys(servers.urls, "set")
        if self._settings.dev:
            supplied |= {"API_KEY_SECRET": "set", "PRIVY_APP_ID": APP_ID, "LOG_FILE": self._settings.log_file or ""}
            supplied["PRIVY_VERIFICATION_KEY"] = "its own issuer's"
        return supplied

    def _migrate(self) -> None:
        self._progress("Bringing the tables up to date ...")
        try:
            asyncio.run(migrate(os.environ["DATABASE_URL"], region=self._settings.region))
        except NotKnown as error:
            raise StartupError(f"The database does not answer ({error}): start it, or correct DATABASE_URL.") from None

    def _serve(self, taken: socket.socket, servers: EmbeddedServers, folder: StateFolder, stack: ExitStack) -> None:
        dev = self._settings.dev
        grace_s = _DEV_GRACE_S if dev else math.ceil(self._settings.auth_query_timeout_s) + _GRACE_OVER_BUDGET_S

        def force() -> None:
            if ServedApp.failure:
                output.fault(StartupError.code, ServedApp.failure, as_json=self._arguments.json)
            web.kill_workers()
            self._worker.stop()
            servers.stop()
            os._exit(1)

        ending = Ending(_DEV_LIMIT_S if dev else grace_s + _LIMIT_OVER_GRACE_S, force)
        stack.callback(ending.reached)
        failed = Ending(_FAILED_LIMIT_S, force)
        stack.callback(failed.reached)
        ServedApp.on_failure = failed.begin

        def asked() -> None:
            ending.begin()
            self._worker.ask_to_end()

        web = WebServer([taken, *self._doors], workers=self._arguments.workers, grace_s=grace_s, asked_to_end=asked)
        where = listener.address_of(taken), listener.url_of(taken)
        doors = [listener.url_of(door) for door in self._doors] or [where[1]]
        folder.leave_address(doors[0])
        console = f"{doors[0]}/console/open/{os.environ[_CONSOLE_KEY]}" if dev else ""
        is_serving = web.is_serving if self._is_shared else None
        announcer = Announcer(*where, self._clock, self._announce, dev=dev, console=console, is_serving=is_serving)
        stack.callback(announcer.stop)
        announcer.start()
        web.run()

    def _operators_socket(self, taken: socket.socket, stack: ExitStack) -> list[socket.socket]:
        """The listener of ``OPS_LISTEN``, where it is set; answers tell the doors apart by their ports."""
        if self._settings.ops_listen is None:
            return []
        host, port = self._settings.ops_listen
        if port == listener.address_of(taken)[1]:
            raise StartupError(f"OPS_LISTEN needs a port of its own: {port} is that of the service.")
        return [stack.enter_context(listener.take_port(host, port))]

    def _announce(self, announcement: Announcement) -> None:
        tell_ready()
        if self._arguments.json:
            print(json.dumps(announcement.facts()), flush=True)
        else:
            print(*announcement.lines(), sep="\n", file=self._output, flush=True)

    def _progress(self, line: str) -> None:
        print(line, file=self._output, flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """Let nothing interrupt the end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
