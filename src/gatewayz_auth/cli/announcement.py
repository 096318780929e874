"""What ``serve`` says once it answers: where, a line to paste, the page, how to stop."""

from __future__ import annotations

import http.client
import json
import shlex
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.reliability.clock import Clock

_POLL_S = 0.02
_LIMIT_S = 60.0
_FIRST_GUEST = {
    "privy_user_id": "did:privy:ada",
    "linked_accounts": [{"type": "email", "address": "ada@example.com", "name": "Ada"}],
}


@dataclass(frozen=True, slots=True)
class Announcement:
    """Where it listens; ``curl``, ``page`` and ``console`` are empty outside of development."""

    url: str
    curl: str
    page: str
    console: str = ""

    def lines(self) -> list[str]:
        """For people, in the order in which they need it."""
        lines = [f"Listening on {self.url}"]
        if self.curl:
            lines += ["", "Sign somebody in (good for an hour):", self.curl, "", f"Or on the page: {self.page}"]
        if self.console:
            lines += [f"See how it is: {self.console}"]
        return [*lines, "Stop with Ctrl-C."]

    def facts(self) -> dict[str, str]:
        """For programs."""
        return {"listening": self.url, "curl": self.curl, "page": self.page, "console": self.console}


class Announcer:
    """Asks the service from a thread until it answers, then says so once; ends with the process."""

    def __init__(  # noqa: PLR0913 - what there is to say
        self,
        address: tuple[str, int],
        url: str,
        clock: Clock,
        say: Callable[[Announcement], None],
        *,
        dev: bool,
        console: str = "",
        is_serving: Callable[[], bool] | None = None,
    ) -> None:
        """Keep whom to ask and whom to tell; ``console`` is the address that opens it.

        ``is_serving`` tells us from another version that answers on the same port; None where no other can.
        """
        self._address = address
        self._url = url
        self._clock = clock
        self._say = say
        self._dev = dev
        self._console = console
        self._is_serving = is_serving
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to ask."""
        threading.Thread(target=self._run, name="announcer", daemon=True).start()

    def stop(self) -> None:
        """Say nothing any more."""
        self._stopped.set()

    def _run(self) -> None:
        until_s = self._clock.monotonic_s() + _LIMIT_S
        while not self._answers() and self._clock.monotonic_s() < until_s:
            if self._stopped.wait(_POLL_S):
                return
        curl = self._curl() if self._dev else ""
        if self._is_serving is not None and not self._is_serving():
            return
        if not self._stopped.is_set():
            self._say(Announcement(self._url, curl, f"{self._url}/" if self._dev else "", self._console))

    def _answers(self) -> bool:
        if self._is_serving is not None and not self._is_serving():
            return False
        return self._ask("GET", "/readyz") is not None

    def _curl(self) -> str:
        """One line for a shell, whose token was made just now."""
        issued = self._ask("POST", "/dev/token", _FIRST_GUEST) or {}
        short = {**issued, "user": {"id": _FIRST_GUEST["privy_user_id"]}}
        body = json.dumps(short, separators=(",", ":"))
        head = shlex.quote("Content-Type: application/json")
        return f"curl -s {self._url}/api/auth -H {head} -d {shlex.quote(body)}"

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any] | None:
        connection = http.client.HTTPConnection(*self._address, timeout=2)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": "application/json"} if text else {})
            response = connection.getresponse()
            answer = response.read()
            return dict(json.loads(answer)) if response.status == http.HTTPStatus.OK else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
