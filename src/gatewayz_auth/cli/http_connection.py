"""A caller's connection that ends without losing a question that was on its way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gatewayz_auth.cli.served_app import DEV, is_ending

if TYPE_CHECKING:
    import asyncio

LINGER_S = 1.0
"""How long an idle connection stays open once the service was asked to end.

The next answer on it says ``Connection: close``, so that its caller goes elsewhere of their own accord. Closed at
once, it would lose what the caller is sending at that moment; who is silent for longer notices the end before asking.
"""


class HttpConnection(HttpToolsProtocol):
    """uvicorn's, which at the end lets idle callers ask once more and tells them to come on another connection."""

    _is_ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; one that was accepted just before the end is told so like the others."""
        super().connection_made(transport)
        if is_ending():
            self.shutdown()

    def on_headers_complete(self) -> None:
        """Begin to answer; at the end that is the last answer here."""
        super().on_headers_complete()
        if self._is_ending and self.cycle is not None:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """End after the answer under way, after the next one, or when nobody has asked for ``LINGER_S``."""
        if not self._is_idle() or os.environ.get(DEV):  # nobody hands over a service of development
            super().shutdown()
        elif not self._is_ending:
            self.loop.call_later(LINGER_S, self._close_where_idle)
        self._is_ending = True

    def _close_where_idle(self) -> None:
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete
