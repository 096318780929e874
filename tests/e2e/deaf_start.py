"""Serves an application whose start fails while a task of it is deaf to being cancelled."""

import asyncio
import sys

from gatewayz_auth import bootstrap
from gatewayz_auth.cli.main import main

kept = []


async def deaf():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


async def application(scope, receive, send):
    kept.append(asyncio.get_running_loop().create_task(deaf()))
    await receive()
    await asyncio.sleep(0)
    await send({"type": "lifespan.startup.failed", "message": "It cannot start: do something."})


bootstrap.application = lambda: application
sys.exit(main(sys.argv[1:]))
