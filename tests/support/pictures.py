"""The pictures of the development page in the docs, taken from the real service.

``python -m tests.support.pictures`` writes docs/images/development-page*.png anew.
"""

import tempfile
from pathlib import Path

from tests.support.browser import Browser, chromium
from tests.support.serving import ROOT, Serving

_IMAGES = ROOT / "docs" / "images"


def _rest(browser: Browser, selector: str, times: int = 1) -> None:
    wanted = int(browser.run("return document.getElementById('answer').dataset.answers || 0")) + times
    browser.click(selector)
    browser.until(
        "return Number(document.getElementById('answer').dataset.answers) >= arguments[0]"
        " && document.getElementById('form').getAttribute('aria-busy') === 'false'",
        wanted,
    )


def _take(browser: Browser, name: str, height: int | None = None) -> None:
    browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": 0, "y": 0})
    browser.run("document.activeElement.blur(); scrollTo(0, 0)")
    browser.until("return document.getAnimations().length === 0")
    (_IMAGES / name).write_bytes(browser.picture(height))


def main() -> None:
    """Write the three pictures."""
    _IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Serving(Path(folder), port=8000) as serving, chromium() as browser:
        url = serving.ready().url.replace("127.0.0.1", "localhost")
        browser.look(scale=1.5)
        browser.open(f"{url}/")
        for _ in range(20):  # a service that has been asked before, as one usually is
            _rest(browser, "#new")
        browser.open(f"{url}/")
        _rest(browser, "#ten", 10)
        _rest(browser, "#broken")
        browser.run("document.querySelectorAll('input[name=person]')[1].click()")
        _rest(browser, "#sign-in")
        _take(browser, "development-page.png")
        browser.look(dark=True, scale=1.5)
        _rest(browser, "#sign-in")
        _take(browser, "development-page-dark.png")
        browser.look(width=390, height=844, scale=2)
        _take(browser, "development-page-phone.png", 1180)


if __name__ == "__main__":
    main()
