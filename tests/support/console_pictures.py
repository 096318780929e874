"""The pictures of the console in the docs, taken from the real service while its database freezes and comes back.

``python -m tests.support.console_pictures`` writes docs/images/console-*.png anew; ``MINUTES=5`` is how long people
sign in before.
"""

import os
import random
import signal
import tempfile
import threading
import time
from pathlib import Path

from tests.support.browser import chromium
from tests.support.serving import ROOT, Serving

_IMAGES = ROOT / "docs" / "images"
_MINUTES = float(os.environ.get("MINUTES", "5"))
_CALLERS = 4
_NEWCOMERS = 0.03
_FROZEN_S = 40
_SHOWN = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"  # what was drawn is on the screen
_CHARTS = "return Number(document.body.dataset.charts || 0)"


def _sign_in_for_ever(serving: Serving, dice: random.Random, done: threading.Event) -> None:
    """Sixty people who come back, and now and then a newcomer."""
    while not done.wait(dice.expovariate(6)):
        who = "n" + str(dice.random())[2:] if dice.random() < _NEWCOMERS else f"person-{dice.randrange(60)}"
        account = {"type": "email", "address": f"{who}@example.com", "name": who}
        try:
            serving.sign_in(f"did:privy:{who}", [account])
        except (RuntimeError, OSError):
            continue


def postgres_of(serving: Serving) -> list[int]:
    return [pid for pid in serving.pids() if Path(f"/proc/{pid}/exe").readlink().name == "postgres"]


def main() -> None:
    """Write the pictures."""
    done = threading.Event()
    environ = {"AUTH_CACHE_TTL": "20", "RATE_LIMITS": "off"}
    with (
        tempfile.TemporaryDirectory() as folder,
        Serving(Path(folder), "--workers", "2", environ=environ) as serving,
        chromium() as browser,
    ):
        serving.ready()
        for number in range(_CALLERS):
            dice = random.Random(number)  # noqa: S311 - who comes when
            threading.Thread(target=_sign_in_for_ever, args=(serving, dice, done), daemon=True).start()

        def take(name: str, *, height: int | None = None, **look: object) -> None:
            browser.look(**look)
            before = browser.run(_CHARTS)
            browser.until(f"{_CHARTS} > arguments[0]", before)
            browser.driver.execute_async_script(_SHOWN)
            (_IMAGES / name).write_bytes(browser.picture(height))

        try:
            time.sleep(60 * _MINUTES)
            browser.look()
            browser.driver.get(serving.wait_for("See how it is:").removeprefix("See how it is: "))
            take("console-healthy.png")
            frozen = postgres_of(serving)
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            try:
                time.sleep(_FROZEN_S)
                take("console-database-silent.png", dark=True)
                take("console-phone.png", height=1300, width=390)
            finally:
                for pid in frozen:
                    os.kill(pid, signal.SIGCONT)
            browser.look()
            browser.until("return document.getElementById('sentence').textContent.startsWith('The database is back')")
            take("console-recovering.png", height=960)
            browser.click("[data-page=people]")
            browser.fill("#who", "did:privy:person-1")
            browser.click("#search button")
            browser.until("return document.querySelector('#person h2') !== null")
            (_IMAGES / "console-people.png").write_bytes(browser.picture(1000))
        finally:
            done.set()


if __name__ == "__main__":
    main()
