"""Fetches a JWK set over HTTP within bounds: of time, of size, and of how far it lets itself be sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from gatewayz_auth.adapters.privy.key_set import UnusableKeysError
from gatewayz_auth.domain.errors import Overloaded
from gatewayz_auth.reliability.owned_tasks import OwnedTasks

if TYPE_CHECKING:
    import ssl

MAX_JWKS_BYTES = 256 * 1024
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "gatewayz-auth"}


class KeyFetch:
    """Fetches the set at ``url``; no call takes longer than ``limit_s``, however the server drips."""

    def __init__(self, url: str, limit_s: float) -> None:
        self._url = url
        self._limit_s = limit_s
        self._tls: ssl.SSLContext | None = None
        self._tasks = OwnedTasks("privy key fetch", 1)

    def prepare(self) -> None:
        """Read the machine's certificates, before anybody is served: it holds the event loop for 0.1 s of work."""
        if self._tls is None:
            self._tls = httpx.create_ssl_context()

    async def jwks(self) -> bytes:
        """The body that the server answers with, at most 256 KiB.

        ``UnusableKeysError`` says in one bounded word why there is none. A fetch that was given up and still runs keeps
        the next one from starting, so at most one runs.
        """
        try:
            task = self._tasks.spawn(self._get(), "get")
        except Overloaded:
            raise UnusableKeysError("still_running") from None
        try:
            await asyncio.wait({task}, timeout=self._limit_s)  # httpx limits each read, not the whole
        finally:
            task.cancel()
        if not task.done() or task.cancelled():
            raise UnusableKeysError("time_out")
        return task.result()

    async def close(self) -> None:
        """End what runs and its connection, within a second."""
        await self._tasks.close(1.0)

    async def _get(self) -> bytes:
        if self._tls is None:
            raise UnusableKeysError("not_prepared")
        body = bytearray()
        try:
            async with (
                httpx.AsyncClient(verify=self._tls, timeout=self._limit_s, headers=_HEADERS) as client,
                client.stream("GET", self._url, follow_redirects=False) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise UnusableKeysError("status")
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > MAX_JWKS_BYTES:
                        raise UnusableKeysError("too_large")
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise UnusableKeysError("unreachable") from None
        return bytes(body)
