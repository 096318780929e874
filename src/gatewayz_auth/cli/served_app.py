"""What uvicorn imports in each of its processes."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import sys
from typing import TYPE_CHECKING

from gatewayz_auth.adapters import child_process
from gatewayz_auth.adapters.told import Told
from gatewayz_auth.cli import output
from gatewayz_auth.domain.errors import OperatorError, StartupError
from gatewayz_auth.reliability.loop_watchdog import LoopWatchdog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

DEV = "GATEWAYZ_AUTH_DEV"
"""The variable by which ``serve --dev`` tells its workers."""

RUN = "GATEWAYZ_AUTH_RUN"
"""The variable by which ``serve`` names its run to its workers: their figures belong together."""

COLLECT_AFTER = 10_000
"""Objects more than before the last collection; Python's own 700 is reached by some hundred sign-ins."""

EXIT_STARTUP = 3
"""What uvicorn takes for "would fail again": it then starts no other worker."""


class ServedApp:
    """The service, whose start fails in one sentence that is kept in ``failure``, without uvicorn's words around it."""

    failure: str | None = None
    on_failure: Callable[[], None] | None = None

    def __init__(self, app: ASGIApp) -> None:
        """Stand before ``app``."""
        self._app = app
        self._watchdog: LoopWatchdog | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass on; no coroutine of its own, because every request comes through here."""
        app = self._lifespan if scope["type"] == "lifespan" else self._app
        return app(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["is_ending"] = is_ending

        async def send_and_keep(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and message.get("message"):
                ServedApp.failure = message.pop("message")
                if _is_worker():
                    output.fault(StartupError.code, ServedApp.failure, as_json=False)
                    os._exit(EXIT_STARTUP)  # a driver that is deaf to being cancelled would keep the loop open for ever
                if ServedApp.on_failure is not None:
                    ServedApp.on_failure()
                logging.getLogger("uvicorn.error").disabled = True  # all is said
            if message["type"] == "lifespan.startup.complete":
                spare_the_collector()
                if _is_worker() or not os.environ.get(DEV):  # whoever develops may stop at a line
                    self._watchdog = LoopWatchdog(asyncio.get_running_loop(), Told(lambda: None).hear)
                    self._watchdog.start()
            await send(message)

        try:
            await self._app(scope, receive, send_and_keep)
        finally:
            if self._watchdog is not None:
                self._watchdog.stop()


def is_ending() -> bool:
    """Whether this process has been asked to end: answers that would go on for ever end then by themselves."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)  # uvicorn's, while it serves
    return bool(getattr(server, "should_exit", False))


def spare_the_collector() -> None:
    """Have the collector look no more at what the start has made, and less often at the rest.

    All of it lives as long as the process; looking through it took 13 µs of every sign-in and 65 ms at a time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def application() -> ASGIApp:
    """Make the service; a worker says in one sentence what is wrong, and ends when its supervisor does."""
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        number = signal.SIGKILL if os.environ.get(DEV) else signal.SIGTERM
        child_process.end_with_parent(number, supervisor.pid)  # which may be gone already, on a busy machine
    from gatewayz_auth import bootstrap  # noqa: PLC0415 - first of all the worker is tied to its supervisor

    try:
        return ServedApp(bootstrap.application())
    except OperatorError as error:
        if not _is_worker():
            raise
        output.fault(error.code, str(error), as_json=False)
        sys.exit(EXIT_STARTUP)


def _is_worker() -> bool:
    return multiprocessing.parent_process() is not None
