"""The threads and coroutines of ``gatewayz_auth.query_timeout``: made at first use, never at import."""

from __future__ import annotations

import logging
import os
import threading

from gatewayz_auth.adapters.threads import BoundedThreads
from gatewayz_auth.reliability.owned_tasks import OwnedTasks

DEFAULT_THREADS = 32
_MAX_THREADS = 1000

_log = logging.getLogger("gatewayz_auth.query_timeout")
_lock = threading.Lock()
_threads: BoundedThreads | None = None
_coroutines: OwnedTasks | None = None


def _max_threads() -> int:
    text = os.environ.get("QUERY_TIMEOUT_THREADS", "").strip()
    if not text:
        return DEFAULT_THREADS
    if text.isdecimal() and 1 <= int(text) <= _MAX_THREADS:
        return int(text)
    _log.warning("QUERY_TIMEOUT_THREADS is not a whole number from 1 to %d: %d it is", _MAX_THREADS, DEFAULT_THREADS)
    return DEFAULT_THREADS


def threads() -> BoundedThreads:
    """The threads that queries of this process run in; their number is read from the environment at first use."""
    global _threads  # noqa: PLW0603 - one process, one bound
    if _threads is None:
        with _lock:
            if _threads is None:
                _threads = BoundedThreads("query-timeout", _max_threads())
    return _threads


def coroutines() -> OwnedTasks:
    """The coroutines that queries of this process run as, as many at once as there may be threads."""
    global _coroutines  # noqa: PLW0603 - one process, one bound
    if _coroutines is None:
        with _lock:
            if _coroutines is None:
                _coroutines = OwnedTasks("query-timeout", _max_threads())
    return _coroutines
