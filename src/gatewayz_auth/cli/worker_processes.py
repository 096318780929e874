"""uvicorn's supervisor as we run it: a worker that is dead, stopped or hung is replaced while the others serve."""

from __future__ import annotations

import logging
import pickle
import signal
from typing import TYPE_CHECKING, Any

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from gatewayz_auth.reliability.clock import SystemClock

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import uvicorn

STARTS_WITHIN_S = 30.0
"""A worker that has not answered yet is still importing: on a busy machine that takes seconds."""

RESTART_PAUSE_S = 1.0
"""Before a worker that never served is started again."""

_LOOKS_EVERY_S = 0.05
_clock = SystemClock()


class Worker(Process):
    """One worker process, asked by a message and never waited for."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        """Make it; ``start`` starts it."""
        super().__init__(config, sockets)
        self._asked_s: float | None = None
        self._has_answered = False
        self.has_served = False

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether it runs and has answered the last question, or still has time for it: ``timeout`` seconds in all."""
        if not self.process.is_alive():
            return False
        try:
            if self._asked_s is None:
                self.parent_conn.send(b"ping")
                self._asked_s = _clock.monotonic_s()
            if self.parent_conn.poll():
                self.has_served = bool(self.parent_conn.recv()) or self.has_served
                self._asked_s = None
                self._has_answered = True
                return True
        except (OSError, EOFError, pickle.UnpicklingError):
            return False
        limit_s = timeout if self._has_answered else STARTS_WITHIN_S
        return _clock.monotonic_s() - self._asked_s < limit_s


class WorkerProcesses(Multiprocess):
    """As many workers as ``config`` says; ``asked_to_end`` is called, in a signal handler, on SIGINT and SIGTERM."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], asked_to_end: Callable[[], None]) -> None:
        """Take the signals; ``run`` starts the workers."""
        super().__init__(config, sockets)
        self._log = logging.getLogger("gatewayz_auth.cli")

        def handle(number: int, _: Any) -> None:  # noqa: ANN401 - a frame
            asked_to_end()
            self.signal_queue.append(number)

        for wanted in (signal.SIGINT, signal.SIGTERM):
            signal.signal(wanted, handle)

    def init_processes(self) -> None:
        """Start them all."""
        self.processes = [self._started() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """Look at each, replace those that are dead or do not answer; ends all where none could be started."""
        for index, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if process.is_alive(self.config.timeout_worker_healthcheck):
                continue
            if process.exitcode == STARTUP_FAILURE and not self.has_served:
                self.should_exit.set()  # it has said why: another one would fail the same way
                return
            is_hung = process.exitcode is None
            process.kill()
            process.join()
            self._say("does not answer and is replaced" if is_hung else "ended by itself and is replaced", process)
            if isinstance(process, Worker) and not process.has_served:
                self.should_exit.wait(RESTART_PAUSE_S)
            if not self.should_exit.is_set():
                self.processes[index] = self._started()

    def terminate_all(self) -> None:
        """Ask all to end; those that hear nothing any more are killed."""
        for process in self.processes:
            if process.is_alive(self.config.timeout_worker_healthcheck):
                process.terminate()
            else:
                process.kill()

    def join_all(self) -> None:
        """Wait for their end; whoever does not end in the grace period has forfeited it."""
        limit_s = _clock.monotonic_s() + (self.config.timeout_graceful_shutdown or 0)
        while any(process.process.is_alive() for process in self.processes):
            if _clock.monotonic_s() >= limit_s:
                for process in self.processes:
                    process.process.kill()
            for process in self.processes:
                process.process.join(_LOOKS_EVERY_S)

    @property
    def has_served(self) -> bool:
        """Whether one of them has begun to take callers."""
        return any(isinstance(process, Worker) and process.has_served for process in self.processes)

    def _started(self) -> Worker:
        worker = Worker(self.config, self.sockets)
        worker.start()
        return worker

    def _say(self, what: str, process: Process) -> None:
        self._log.warning("A worker process %s (exit code %s)", what, process.exitcode)
