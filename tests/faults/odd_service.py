"""The service, keys refreshed all the time; names under ``.test`` are this machine, or hang while ``HANG`` exists.

The drivers are asked as they are: only the look-up itself, below them, is ours. It blocks a thread as libc does, and
no cancellation ends it.
"""

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

import psycopg._conninfo_attempts_async as attempts
from anyio._backends._asyncio import AsyncIOBackend

from gatewayz_auth.adapters.privy.signing_keys import RefreshLimits, SigningKeys
from gatewayz_auth.cli.main import main

QUICK = RefreshLimits(every_s=0.5, retry_s=0.2, max_retry_s=0.4, unknown_kid_pause_s=0.3, fetch_s=0.5)
SigningKeys.__init__.__kwdefaults__["limits"] = QUICK

hang = Path(os.environ["HANG"])
honest = socket.getaddrinfo


def getaddrinfo(host, *args, **kwargs):
    name = host.decode() if isinstance(host, bytes) else host
    if name and name.endswith(".test"):
        while hang.exists():
            time.sleep(0.05)
        host = "127.0.0.1"
    return honest(host, *args, **kwargs)


class Asyncio:
    """asyncio as psycopg's resolver sees it, with a loop that looks names up as above."""

    async def getaddrinfo(self, *args, **kwargs):
        return await asyncio.get_running_loop().run_in_executor(None, lambda: getaddrinfo(*args, **kwargs))

    def get_running_loop(self):
        return self


async def anyio_getaddrinfo(host, port, **kwargs):
    return await Asyncio().getaddrinfo(host, port, **kwargs)


socket.getaddrinfo = getaddrinfo
attempts.asyncio = Asyncio()
AsyncIOBackend.getaddrinfo = staticmethod(anyio_getaddrinfo)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
