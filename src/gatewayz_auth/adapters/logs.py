"""Log lines: the words of the contract's section 6 and the form they are written in; they live only here.

Off the hot route structlog makes the lines. The line of a cached sign-in is put together by hand, because it is written
thousands of times a second (docs/reference/performance.md has what it costs).
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from gatewayz_auth.adapters.line_writer import LineWriter
from gatewayz_auth.reliability.storm import StormGate

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from structlog.typing import Processor, WrappedLogger

KIND_WORDS = 4
KIND_LENGTH = 60
"""What makes lines alike: their first words."""

QUIET_LIBRARIES = ("httpx", "httpcore", "asyncio", "uvicorn.access")


def _rename_event(_: WrappedLogger, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["message"] = event.pop("event")
    return event


def _dumps(event: Any, **_: Any) -> str:  # noqa: ANN401 - structlog's own signature
    return orjson.dumps(event, default=str).decode()


class _WriterHandler(logging.Handler):
    """Takes the lines of libraries that log the standard way; never waits."""

    def __init__(self, writer: LineWriter, storms: StormGate) -> None:
        super().__init__()
        self._writer = writer
        self._storms = storms

    def emit(self, record: logging.LogRecord) -> None:
        if not self._storms.admit(f"{record.name}: {record.msg}"[:KIND_LENGTH]):
            return
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a library's broken record must not reach a request
            line = '{"level":"error","message":"A log record could not be formatted"}'
        self._writer.write(line.encode())


class _WriterLogger:
    """What structlog writes to."""

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer

    def msg(self, message: str) -> None:
        self._writer.write(message.encode())

    log = debug = info = warning = warn = error = critical = exception = msg


@dataclass(slots=True)
class Logs:
    """The running log: ``writer`` takes finished lines, ``is_json`` says which form they have.

    ``storms`` says which lines are too many of a kind; ``name_id`` gives what is written for a person's id, where that
    is not the id itself.
    """

    writer: LineWriter
    is_json: bool
    level: int
    storms: StormGate = field(default_factory=StormGate)
    name_id: Callable[[str], str] | None = None
    least: int = field(init=False)
    """The least severe level that is written now; ``level`` is what it was at start."""

    def __post_init__(self) -> None:
        """Begin with the level of the start."""
        self.least = self.level

    def write_from(self, level: str) -> None:
        """Write lines of ``level`` and above from now on."""
        self.least = logging.getLevelNamesMapping()[level]
        logging.getLogger().setLevel(max(self.least, logging.WARNING))


_LEVELS = {"exception": logging.ERROR, "warn": logging.WARNING}


def _from_least(logs: list[Logs]) -> Processor:
    """Drops lines less severe than what is written now."""

    def pass_on(_: WrappedLogger, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        level = _LEVELS.get(method) or logging.getLevelNamesMapping().get(method.upper(), logging.CRITICAL)
        if logs and level < logs[0].least:
            raise structlog.DropEvent
        return event

    return pass_on


def _held_to(storms: StormGate) -> Processor:
    """Drops lines where there are too many alike, by their first words: what tells people apart comes later."""

    def hold(_: WrappedLogger, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        words = str(event.get("event", "")).split(None, KIND_WORDS)[:KIND_WORDS]
        if not storms.admit(" ".join(words)):
            raise structlog.DropEvent
        return event

    return hold


def configure(level: str, form: str, file: str | None, name_id: Callable[[str], str] | None = None) -> Logs:
    """Send all lines of ``level`` and above to standard output and ``file``, as JSON or for a terminal (``form``)."""
    storms = StormGate()
    made: list[Logs] = []
    stream = sys.stdout.buffer
    is_json = form == "json" or (form == "auto" and not sys.stdout.isatty())
    writer = LineWriter(stream, Path(file) if file else None)
    shared: list[Processor] = [
        _held_to(storms),
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _rename_event,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(serializer=_dumps)
        if is_json
        else structlog.dev.ConsoleRenderer(event_key="message", colors=sys.stdout.isatty())
    )
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[_from_least(made), *shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),  # what is written may change meanwhile
        logger_factory=lambda *_: _WriterLogger(writer),
        cache_logger_on_first_use=True,
    )
    handler = _WriterHandler(writer, storms)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared[2:],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.ERROR)
    writer.start()
    made.append(Logs(writer, is_json, number, storms, name_id))
    return made[0]


def silence() -> None:
    """Write nothing but what is critical: for commands, whose output is their answer."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)


def silent() -> Logs:
    """No lines at all: for commands, which say themselves what there is to say."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger().handlers[:] = [logging.NullHandler()]
    return Logs(LineWriter(None), is_json=True, level=logging.CRITICAL)
