"""The whole service inside a FastAPI program of somebody's own, on one port, with one start and one end.

    python examples/mounted_in_fastapi.py [port]

It runs in development mode on an embedded Postgres in a folder that is removed afterwards. Outside development leave
``embedded_database`` away, say ``dev=False``, and give the settings in the environment.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from gatewayz_auth.adapters import logs
from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.postgres.migrate import migrate
from gatewayz_auth.bootstrap import Service
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.settings import read_settings
from gatewayz_auth.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping


def create_program(environ: Mapping[str, str], *, dev: bool) -> FastAPI:
    """A program with a route of its own and everything of gatewayz-auth beside it."""
    settings = read_settings(environ, dev=dev)
    parts = Service(settings, logs.configure(settings.log_level, settings.log_format, settings.log_file)).parts()

    @contextlib.asynccontextmanager
    async def lifespan(_program: FastAPI) -> AsyncIterator[None]:
        # FastAPI does not pass the start and the end of a program on to what is mounted in it.
        if dev:  # elsewhere `gatewayz-auth migrate` has run before, as for the service by itself
            await migrate(settings.database_url)
        await parts.startup()
        try:
            yield
        finally:
            await parts.shutdown()

    program = FastAPI(title="a program of somebody's own", lifespan=lifespan, docs_url=None, openapi_url=None)

    @program.get("/models")
    async def models() -> dict[str, list[str]]:
        return {"models": ["one", "another"]}

    program.mount("/", create_app(parts))  # last: it answers every path that is left
    return program


@contextlib.contextmanager
def embedded_database() -> Iterator[dict[str, str]]:
    """Settings for development: a Postgres of this program's own, and no Redis."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder), SystemClock())
        try:
            yield {
                **os.environ,
                "STATE_DIR": folder,
                "DATABASE_URL": server.start(),
                "REDIS_URL": "redis://127.0.0.1:1/0",  # none is there, and that costs nobody a sign-in
                "API_KEY_SECRET": "only-for-this-example-0123456789abcdef",
                "LOG_FILE": str(Path(folder) / "app.log"),
            }
        finally:
            server.stop()


def main() -> None:
    """Serve until interrupted."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    with embedded_database() as environ:
        program = create_program(environ, dev=True)
        print(f"Listening on http://127.0.0.1:{port}", flush=True)
        uvicorn.run(program, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=10)


if __name__ == "__main__":
    main()
