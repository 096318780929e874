"""A worker that comes up when its supervisor is gone already: started by path, it prints the worker's process id."""

import multiprocessing
import os
import sys
import time
from pathlib import Path


def come_up_late(served: str) -> None:
    """What uvicorn has a worker do, once the supervisor has ended."""
    supervisor = multiprocessing.parent_process()
    while os.getppid() == supervisor.pid:
        time.sleep(0.005)  # what is waited for sends nothing
    from gatewayz_auth.cli import served_app

    served_app.application()
    Path(served).touch()
    time.sleep(60)


if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=come_up_late, args=(sys.argv[1],))
    worker.start()
    sys.stdout.write(f"{worker.pid}\n")
    sys.stdout.flush()
    os._exit(0)
