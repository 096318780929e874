"""Asks the running service, and waits for nothing longer than some seconds, however it fails to answer."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gatewayz_auth.cli.state_folder import left_address
from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.settings import load_environment

LIMIT_S = 8.0
_SOCKET_LIMIT_S = 5.0
_NO_ADDRESS = (
    "No running service is known in this folder: go to the one where it was started, or say where it is, "
    "--url http://localhost:8000"
)


class NotReachable(Exception):  # noqa: N818 - what is told, not what went wrong here
    """The service did not answer; the text says how."""


class Service:
    """The service at ``url``; ``token`` (ADMIN_TOKEN) is shown where there is one."""

    def __init__(self, url: str | None) -> None:
        """Take ``url``, or the address that ``serve`` left in the state folder; ``SettingsError`` for neither."""
        environ = load_environment(Path.cwd())
        found = url or left_address(Path(environ.get("STATE_DIR", "").strip() or ".state"))
        if found is None:
            raise SettingsError([_NO_ADDRESS])
        parts = urlsplit(found if "://" in found else f"http://{found}")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingsError([f"--url {found!r} is no address. Example: --url http://localhost:8000"])
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._parts = parts
        self._token = environ.get("ADMIN_TOKEN", "").strip()

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of ``path``; ``NotReachable`` within ``LIMIT_S`` seconds, also where answers only drip."""
        result: list[tuple[int, dict[str, Any]]] = []
        faults: list[str] = []

        def work() -> None:
            try:
                result.append(self._get(path))
            except (OSError, http.client.HTTPException, ValueError) as error:
                faults.append(str(error) or type(error).__name__)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(LIMIT_S)
        if result:
            return result[0]
        raise NotReachable(faults[0] if faults else f"no answer in {LIMIT_S:g} s")

    def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=_SOCKET_LIMIT_S)
        try:
            headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            try:
                body = json.loads(answer.read())
            except ValueError:
                raise OSError(f"what answers there is not gatewayz-auth (HTTP {answer.status}, no JSON)") from None
            return answer.status, body if isinstance(body, dict) else {}
        finally:
            connection.close()
