"""The pictures of the console's pages Jobs, Rollout and Settings in the docs, taken from the real service.

``python -m tests.support.console_page_pictures`` writes docs/images/console-{jobs,rollout,settings}*.png anew.
"""

import json
import os
import random
import signal
import tempfile
from pathlib import Path

from tests.support.browser import Browser, chromium
from tests.support.console_pictures import postgres_of
from tests.support.console_story import confirm, failed_referral, said, turn_to
from tests.support.serving import ROOT, Serving

_IMAGES = ROOT / "docs" / "images"
_PEOPLE = 900
_DRILL = {"at": "2026-11-28", "sentence": "All 1,800 answered within 8 s, the slowest after 1.1 s."}
_COUNTED = "return /Sign-ins\\s*\\d+\\s*\\d{2}/.test(document.getElementById('sheet-body').innerText)"
_STILL = "return document.getElementById('sheet-still').textContent.includes('has not answered for')"


def _take(browser: Browser, page: str, name: str = "", most: int = 1300, **look: object) -> None:
    browser.look(**look)
    turn_to(browser, page)
    browser.run("document.activeElement.blur(); scrollTo(0, 0)")
    (_IMAGES / f"console-{page}{name}.png").write_bytes(browser.picture(most))


def _happen(serving: Serving, browser: Browser) -> None:
    for number in range(3):
        failed_referral(serving, f"did:privy:newcomer-{number}")
    turn_to(browser, "settings")
    confirm(browser, "steer/settings/USER_LOOKUP_TIMEOUT/set", "the database moved", value="7", for_s="7200")
    said(browser, "is 7 for")
    turn_to(browser, "rollout")
    confirm(browser, "steer/rollout/start", "a first tenth")
    said(browser, "10 %")
    dice = random.Random(1)  # noqa: S311 - who comes when
    for _ in range(_PEOPLE):
        serving.sign_in(f"did:privy:person-{dice.randrange(300)}")
    browser.until(_COUNTED)
    browser.driver.refresh()  # without the sentence of what was done


def main() -> None:
    """Write the pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Serving(Path(folder), "--workers", "2", environ={"RATE_LIMITS": "off"}) as serving,
        chromium() as browser,
    ):
        (Path(folder) / "reports").mkdir()
        (Path(folder) / "reports" / "last-drill.json").write_text(json.dumps(_DRILL))
        serving.ready()
        browser.look()
        browser.driver.get(serving.wait_for("See how it is:").removeprefix("See how it is: "))
        browser.until("return Number(document.body.dataset.snapshots || 0) > 0")
        _happen(serving, browser)
        for page, height in (("jobs", 860), ("rollout", 770), ("settings", 840)):
            _take(browser, page, most=height)
            _take(browser, page, "-phone", width=390)
        frozen = postgres_of(serving)
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            browser.look(dark=True)
            turn_to(browser, "rollout")
            browser.until(_STILL)
            (_IMAGES / "console-rollout-silent.png").write_bytes(browser.picture(820))
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    main()
