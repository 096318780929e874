"""What uvicorn imports in each of its processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from typing import TYPE_CHECKING

from gatewayz_auth.adapters import child_process
from gatewayz_auth.cli import output
from gatewayz_auth.domain.errors import OperatorError

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

DEV = "GATEWAYZ_AUTH_DEV"
"""The variable by which ``serve --dev`` tells its workers."""

EXIT_STARTUP = 3
"""What uvicorn takes for "would fail again": it then starts no other worker."""


def application() -> ASGIApplication:
    """Make the service; a worker says in one sentence what is wrong, and ends when its supervisor does."""
    from gatewayz_auth import bootstrap  # noqa: PLC0415 - first of all the worker is tied to its supervisor

    if multiprocessing.parent_process() is None:
        return bootstrap.application()
    child_process.end_with_parent(signal.SIGKILL if os.environ.get(DEV) else signal.SIGTERM)
    try:
        return bootstrap.application()
    except OperatorError as error:
        output.fault(error.code, str(error), as_json=False)
        sys.exit(EXIT_STARTUP)
