"""Reaches the key server step by step, and reads its keys once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gatewayz_auth.adapters.privy.key_fetch import KeyFetch
from gatewayz_auth.adapters.privy.key_file import KeyFile
from gatewayz_auth.adapters.privy.key_set import UnusableKeysError, read_jwks
from gatewayz_auth.adapters.reach import Reach, StepFailedError, silence_at
from gatewayz_auth.service.findings import critical, warning

if TYPE_CHECKING:
    import ssl

    from gatewayz_auth.service.findings import Finding

NEIGHBOUR = "key server"
LIMIT_S = 3.0
"""Longer than a step's limit, which tells better who was silent where."""


async def examine(url: str, reach: Reach, tls: ssl.SSLContext, *, has_key: bool = True) -> list[Finding]:
    """The findings about the key server at ``url``; never raises for what it does.

    ``has_key``: a key is known without it, by a setting or by what an earlier run kept.
    """
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    try:
        host, port = parts.hostname or "", parts.port or (443 if is_tls else 80)
        await reach.host(host, port, tls=tls if is_tls else None)
        await reach.step("first query", lambda: _keys(url))
    except StepFailedError as error:
        known = (
            "Keys that are known go on working; after a restart they come from the state folder, and a new key of "
            "Privy is not noticed."
        )
        unknown = "No key is known, and the state folder holds none: nobody can be signed in."
        return [
            (warning if has_key else critical)(
                "key-server-unreachable",
                silence_at(error.step, "The key server")
                if error.step.is_silent
                else f"The key server is not reached: {error.step.problem}",
                f"It stops at the step {error.step.name!r}. {known if has_key else unknown}",
                "Correct PRIVY_JWKS_URL, or let the machine out to it; PRIVY_VERIFICATION_KEY needs no network. "
                "docs/runbook/key-server-away.md",
            )
        ]
    return []


async def _keys(url: str) -> None:
    fetch = KeyFetch(url, LIMIT_S)
    fetch.prepare()
    try:
        read_jwks(await fetch.jwks())
    except UnusableKeysError as error:
        raise OSError(0, f"its keys cannot be used ({error})") from None
    finally:
        await fetch.close()


def is_kept(state_dir: str, url: str) -> bool:
    """Whether an earlier run has kept keys of ``url`` in its state folder."""
    return KeyFile(Path(state_dir), url).load() is not None
