"""How many files and connections a process may hold: a server takes what it is allowed."""

from __future__ import annotations

import contextlib

try:
    import resource
except ImportError:  # not there on Windows
    resource = None  # type: ignore[assignment]


def allow_all() -> None:
    """Raise the limit of this process and of those it starts as far as it may be: 1,024 are a thousand callers."""
    if resource is None:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # what cannot be raised stays
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
