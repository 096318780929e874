"""The worker that runs along with ``serve --dev``: a child that ends with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

from gatewayz_auth.adapters import child_process

END_WITH_PARENT = "GATEWAYZ_AUTH_END_WITH_PARENT"
"""The variable by which a program is told to end with whoever started it."""

# It comes up while somebody waits for their first sign-in, who goes before.
_POLITELY = ("nice", "-n", "10") if shutil.which("nice") else ()

_PATIENCE_S = 0.6


class DevWorker:
    """``gatewayz-auth worker`` in the environment of this process; out of Ctrl-C's reach, it is told to end."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; to be called from the thread that lives as long as it shall."""
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [*_POLITELY, sys.executable, "-P", "-m", "gatewayz_auth.cli", "worker"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, END_WITH_PARENT: str(os.getpid())},
        )

    def ask_to_end(self) -> None:
        """Have it end, and wait for nothing: safe in a signal handler."""
        if self._process is not None and self._process.poll() is None:
            child_process.send(self._process.pid, signal.SIGTERM)

    def stop(self) -> None:
        """End it within a second; as often as one likes."""
        if self._process is not None:
            child_process.stop(self._process, ((signal.SIGTERM, _PATIENCE_S),))
