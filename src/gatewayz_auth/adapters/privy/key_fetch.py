"""Fetches a JWK set over HTTP within bounds: of time, of size, and of how far it lets itself be sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from gatewayz_auth.adapters.privy.key_set import UnusableKeysError

if TYPE_CHECKING:
    from collections.abc import Coroutine

Result = TypeVar("Result")

MAX_JWKS_BYTES = 256 * 1024
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "gatewayz-auth"}


class KeyFetch:
    """Fetches the set at ``url``; no call takes longer than ``limit_s``, however the server drips."""

    def __init__(self, url: str, limit_s: float) -> None:
        self._url = url
        self._limit_s = limit_s
        self._client: httpx.AsyncClient | None = None
        self._running: set[asyncio.Task[bytes]] = set()

    async def jwks(self) -> bytes:
        """The body that the server answers with, at most 256 KiB.

        ``UnusableKeysError`` says in one bounded word why there is none. A fetch that was given up and still runs keeps
        the next one from starting, so at most one runs.
        """
        if self._running:
            raise UnusableKeysError("still_running")
        task = _owned(self._get())
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            await asyncio.wait({task}, timeout=self._limit_s)  # httpx limits each read, not the whole
        finally:
            task.cancel()
        if not task.done() or task.cancelled():
            raise UnusableKeysError("time_out")
        return task.result()

    async def close(self) -> None:
        """End what runs and close the connections, within two seconds."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=1)
        if self._client is not None:
            closing = _owned(self._client.aclose())
            await asyncio.wait({closing}, timeout=1)
            closing.cancel()

    async def _get(self) -> bytes:
        if self._client is None:
            self._client = httpx.AsyncClient(follow_redirects=False, timeout=self._limit_s, headers=_HEADERS)
        body = bytearray()
        try:
            async with self._client.stream("GET", self._url) as response:
                if response.status_code != httpx.codes.OK:
                    raise UnusableKeysError("status")
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > MAX_JWKS_BYTES:
                        raise UnusableKeysError("too_large")
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise UnusableKeysError("unreachable") from None
        return bytes(body)

    def _ended(self, task: asyncio.Task[bytes]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever gave it up has left


def _owned(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    return asyncio.get_running_loop().create_task(work)
