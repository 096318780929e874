"""What is told of each answered sign-in, for logs and metrics."""

from __future__ import annotations

from typing import NamedTuple


class SignInReport(NamedTuple):  # made on the hot route, where a frozen dataclass costs 1.3 µs more
    """One answered sign-in. Times in seconds; nothing secret is in it, and of the person only ids.

    ``outcome`` is ``ok``, ``refused``, ``unknown``, ``limited`` or ``invalid``; ``source`` is where a good answer came
    from, else ``none``; ``code`` is ``ok`` or the problem's; ``reason`` is why a token was refused, a bounded word.
    ``phases_s`` are ``parse``, ``verify`` and the source's name, as far as the request came.
    """

    request_id: str
    status: int
    outcome: str
    source: str
    code: str
    reason: str | None
    duration_s: float
    phases_s: tuple[tuple[str, float], ...]
    user_id: int | None = None
    age_s: float = 0.0
    privy_user_id: str | None = None
