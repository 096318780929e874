"""A real Chromium for tests: headless, alone with an empty profile, asked through its driver."""

import base64
import contextlib
import json
import tempfile

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from tests.support.requirements import needs_debian

PATIENCE_S = 30
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # as root Chromium has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


class Browser:
    """One tab, and what tests ask of it. It waits on conditions, ``PATIENCE_S`` at most, and never sleeps."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False, scale: float = 1) -> None:
        """Take this size (CSS pixels) and this colour scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def go_offline(self, *, offline: bool) -> None:
        limits = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", limits)

    def open(self, url: str, *, forget: bool = True) -> None:
        """Open ``url``, with nothing remembered from before, and forget what was logged so far."""
        self.driver.get(url)
        if forget:
            self.driver.execute_script("localStorage.clear()")
            self.driver.get("about:blank")
            self.console(), self.requests()
            self.driver.get(url)

    def run(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def until(self, script: str, *arguments: object) -> object:
        """What ``script`` answers as soon as that is true."""
        return WebDriverWait(self.driver, PATIENCE_S, 0.02).until(lambda d: d.execute_script(script, *arguments))

    def text(self, selector: str) -> str:
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def click(self, selector: str) -> None:
        """Click what stands there; a page that draws itself anew may take it away under the pointer."""

        def clicked(driver: webdriver.Chrome) -> bool:
            driver.find_element(By.CSS_SELECTOR, selector).click()
            return True

        ignored = (StaleElementReferenceException,)
        WebDriverWait(self.driver, PATIENCE_S, 0.02, ignored_exceptions=ignored).until(clicked)

    def fill(self, selector: str, text: str) -> None:
        field = self.driver.find_element(By.CSS_SELECTOR, selector)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def console(self) -> list[str]:
        """What the console said since it was last asked, errors and warnings."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Every URL asked for since this was last asked."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def accessibility_tree(self) -> list[tuple[str, str]]:
        """Role and name of everything that assistive technology sees."""
        self.driver.execute_cdp_cmd("Accessibility.enable", {})
        nodes = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        seen = (node for node in nodes if not node["ignored"])
        return [(str(n.get("role", {}).get("value")), str(n.get("name", {}).get("value", ""))) for n in seen]

    def picture(self, height: int | None = None) -> bytes:
        """The page from its top as a PNG, whole or ``height`` CSS pixels of it."""
        width, whole = self.run("const e = document.documentElement; return [innerWidth, e.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height or whole, "scale": 1}
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        return base64.b64decode(shot["data"])


@contextlib.contextmanager
def chromium():
    """A Chromium of one's own, ended afterwards; skips with the command that installs it where it is missing."""
    binary = needs_debian("chromium chromium-driver", "chromium")
    driver_path = needs_debian("chromium chromium-driver", "chromedriver")
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
        try:
            yield Browser(driver)
        finally:
            driver.quit()
