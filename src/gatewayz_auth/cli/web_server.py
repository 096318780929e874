"""uvicorn as we run it: one process or several, on a socket that is taken already, and gone in time."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import uvicorn

from gatewayz_auth.cli import listener
from gatewayz_auth.cli.served_app import ServedApp
from gatewayz_auth.cli.worker_processes import WorkerProcesses
from gatewayz_auth.domain.errors import StartupError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from types import FrameType

_APPLICATION = "gatewayz_auth.cli.served_app:application"
_CONNECTION = "gatewayz_auth.cli.http_connection:HttpConnection"
_KEEP_ALIVE_S = 75  # longer than a load balancer keeps its own side open, so that it never sends into a closing one
_WORKER_ANSWERS_WITHIN_S = 2


class WebServer:
    """Serves the application on ``taken``; ``asked_to_end`` is called, in a signal handler, on SIGINT and SIGTERM.

    ``grace_s`` is how long answers under way are waited for then. It must be longer than any answer may take: whoever
    still waits when it is over gets none.
    """

    def __init__(
        self, taken: Sequence[socket.socket], *, workers: int, grace_s: int, asked_to_end: Callable[[], None]
    ) -> None:
        """Keep the parts; nothing runs before ``run``."""
        self._taken = list(taken)
        self._is_asked = False
        self._tell = asked_to_end
        self._supervisor: WorkerProcesses | None = None
        self._server: _Server | None = None
        self._config = uvicorn.Config(
            _APPLICATION,
            factory=True,
            interface="asgi3",
            workers=workers,
            loop="uvloop",
            http=_CONNECTION,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # TRUSTED_PROXIES decides whom to believe, not uvicorn
            server_header=False,
            date_header=True,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=grace_s,
            timeout_worker_healthcheck=_WORKER_ANSWERS_WITHIN_S,
        )

    def run(self) -> None:
        """Serve until a signal comes; ``StartupError`` where the application did not come up."""
        try:
            if self._config.workers == 1:
                self._server = _Server(self._config, self._asked)
                self._server.run(sockets=self._taken)
            else:
                self._supervisor = WorkerProcesses(self._config, self._taken, self._asked)
                self._supervisor.run()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise listener.taken_meanwhile(self._taken[0]) from None
        except SystemExit:
            if not self._is_asked:
                raise StartupError(ServedApp.failure or "The service did not start: the reason stands above.") from None
        if not self._is_asked:
            raise StartupError("The service ended by itself: the reason stands above.")

    def is_serving(self) -> bool:
        """Whether a process of ours takes callers: on a port shared with others, an answer there says nothing of us."""
        if self._supervisor is not None:
            return self._supervisor.has_served
        return self._server is not None and self._server.started

    def kill_workers(self) -> None:
        """End the worker processes at once."""
        for process in () if self._supervisor is None else tuple(self._supervisor.processes):
            process.process.kill()

    def _asked(self) -> None:
        self._is_asked = True
        self._tell()


class _Server(uvicorn.Server):
    """In this process."""

    def __init__(self, config: uvicorn.Config, asked_to_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._asked_to_end = asked_to_end

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._asked_to_end()
        super().handle_exit(sig, frame)
