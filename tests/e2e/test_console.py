"""The console in a real Chromium, on the real service: closed to strangers, true in an outage, and it works by keys."""

import hashlib
import http.client
import json
import os
import re
import signal
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from tests.e2e.test_development_page import CONTRAST
from tests.support.browser import chromium
from tests.support.serving import CLOCK, ROOT, Serving

from gatewayz_auth.adapters.child_process import wait_until

STATIC = ROOT / "src/gatewayz_auth/web/static/console"
ADMIN_TOKEN = "an-administrators-token-of-forty-letters"
SENTENCE = "return document.getElementById('sentence').textContent"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Two workers with an administrator's token; answers are soon no longer fresh."""
    environ = {"ADMIN_TOKEN": ADMIN_TOKEN, "RATE_LIMITS": "off", "AUTH_CACHE_TTL": "2"}
    with Serving(tmp_path_factory.mktemp("console"), "--workers", "2", environ=environ) as serving:
        yield serving.ready()


@pytest.fixture(scope="module")
def browser():
    with chromium() as tab:
        yield tab


@pytest.fixture
def tab(browser, service):
    """The console, opened by the link that was printed, with figures on it."""
    browser.look()
    browser.driver.get(link(service))
    browser.console(), browser.requests()
    browser.driver.get(f"{service.url}/console")
    browser.until("return Number(document.body.dataset.charts) > 0")
    return browser


def link(service):
    return service.wait_for("See how it is:").removeprefix("See how it is: ")


def ask(service, method, path, body=None, **headers):
    """Status, headers and text of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    try:
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"content-type": "application/json", **wanted} if text else wanted)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def come_in(service):
    """A session: its cookie, and what the page has to send."""
    status, headers, _ = ask(service, "POST", "/console/session", {"token": ADMIN_TOKEN, "name": "Grace"})
    assert status == 204
    cookie = headers["set-cookie"].partition(";")[0]
    return cookie, json.loads(ask(service, "GET", "/console/session", cookie=cookie)[2])["token"]


def by_link(service):
    """A session by the link that was printed, which no wrong token stands in the way of."""
    status, headers, _ = ask(service, "GET", "/console/open/" + link(service).rpartition("/")[2])
    assert status == 303
    return headers["set-cookie"].partition(";")[0]


def postgres_of(service):
    return [pid for pid in service.pids() if Path(f"/proc/{pid}/exe").readlink().name == "postgres"]


def test_strangers_get_the_page_that_asks_for_the_token_and_nothing_else(service):
    status, headers, text = ask(service, "GET", "/console")
    assert status == 401
    assert "ADMIN_TOKEN" in text
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    for path in (
        "/console/stream",
        "/console/history",
        "/console/session",
        "/console/audit",
        "/console/runbook/redis-away",
    ):
        assert ask(service, "GET", path)[0] == 401, path
    assert ask(service, "POST", "/console/people/find", {"who": "ada"})[0] == 401
    assert ask(service, "GET", "/console/open/not-the-key")[0] == 404


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_works_at_every_worker(service):
    status, headers, _ = ask(service, "POST", "/console/session", {"token": ADMIN_TOKEN})
    assert status == 204
    cookie = headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/console"))
    mine, _ = come_in(service)
    assert [ask(service, "GET", "/console/session", cookie=mine)[0] for _ in range(8)] == [200] * 8
    changed = mine[:-1] + ("0" if mine[-1] != "0" else "1")
    assert ask(service, "GET", "/console/session", cookie=changed)[0] == 401


def test_another_sites_page_can_do_nothing_with_somebodys_session(service):
    cookie, token = come_in(service)
    find = {"who": "nobody"}
    mine = {"cookie": cookie, "x_console_token": token}
    assert ask(service, "POST", "/console/people/find", find, **mine)[0] == 404, "the page itself is heard"
    assert ask(service, "POST", "/console/people/find", find, cookie=cookie)[0] == 403
    assert ask(service, "POST", "/console/people/find", find, **mine, origin="https://evil.example")[0] == 403
    assert ask(service, "POST", "/console/people/find", find, **mine, sec_fetch_site="cross-site")[0] == 403
    login = {"token": ADMIN_TOKEN}
    assert ask(service, "POST", "/console/session", login, origin="https://evil.example")[0] == 403


def test_the_page_is_small_and_holds_nothing_of_elsewhere_and_the_chart_library_is_as_it_was_released():
    sizes = [path.stat().st_size for path in STATIC.iterdir() if path.suffix in {".js", ".css", ".html"}]
    assert sum(sizes) <= 100_000
    decision = (ROOT / "docs/decisions/0025-uplot.md").read_text()
    assert hashlib.sha256((STATIC / "uPlot.iife.min.js").read_bytes()).hexdigest() in decision
    for name in ("index.html", "login.html"):
        text = (STATIC / name).read_text()
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|https?://", text), name


def test_the_page_loads_without_a_complaint_and_asks_nobody_but_the_service(tab, service):
    service.sign_in("did:privy:first")
    tab.until(f"{SENTENCE} !== 'Looking …'")
    assert tab.console() == []
    assert {url.split("/")[2] for url in tab.requests() if url.startswith("http")} == {f"127.0.0.1:{service.port}"}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_can_be_read(tab, dark):
    tab.look(dark=dark)
    judged, faults = tab.run(CONTRAST)
    assert judged > 40
    assert faults == []


def test_on_a_phone_nothing_hangs_over_the_edge(tab):
    for page in ("now", "people", "jobs", "rollout", "settings", "audit"):
        tab.look(width=390, height=844)
        tab.click(f"[data-page={page}]")
        assert tab.run("return document.documentElement.scrollWidth <= innerWidth"), page


def test_on_a_phone_no_word_of_a_state_is_cut_in_two(tab):
    tab.look(width=390, height=844)
    tab.until("return document.querySelectorAll('#neighbours td.fine').length >= 3")
    heights = tab.run(
        "return [...document.querySelectorAll('#neighbours td.fine')].filter((e) => e.innerText.endsWith('answers'))"
        ".map((e) => { const r = document.createRange(); r.selectNodeContents(e); return r.getClientRects().length; })"
    )
    assert heights
    assert set(heights) == {1}


def test_keys_alone_reach_the_pages_and_read_the_chart(tab, service):
    service.sign_in("did:privy:keys")
    tab.run("document.activeElement.blur()")
    tab.press(Keys.TAB)
    assert tab.run("return document.activeElement.className") == "skip"
    tab.press(Keys.TAB, Keys.TAB)
    assert tab.run("return document.activeElement.dataset.page") == "people"
    tab.run("document.getElementById('rates').focus()")
    tab.press(Keys.ARROW_LEFT)
    first = tab.text("#reading")
    tab.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert tab.text("#reading") != first
    names = [name for _, name in tab.accessibility_tree()]
    assert "Sign-ins a second by source. Arrow keys read the values." in names


def test_whoever_looks_elsewhere_costs_nothing_until_they_look_again(tab):
    tab.run("Object.defineProperty(document, 'hidden', {configurable: true, get: () => true});"
            "document.dispatchEvent(new Event('visibilitychange'))")  # fmt: skip
    assert tab.text("#live").startswith("paused ")
    before = tab.run("return document.body.dataset.snapshots")
    tab.run("Object.defineProperty(document, 'hidden', {configurable: true, get: () => false});"
            "document.dispatchEvent(new Event('visibilitychange'))")  # fmt: skip
    tab.until("return Number(document.body.dataset.snapshots) > arguments[0]", int(before))
    assert tab.text("#live").startswith("live ")


def confirm(tab, button, why=""):
    tab.click(button)
    tab.until("return document.getElementById('ask').open")
    if why:
        tab.fill("#ask-why", why)
    tab.click("#ask-yes")


def said(tab, words):
    tab.until("return document.getElementById('people-said').textContent.includes(arguments[0])", words)


def is_kept_out(service, person, accounts):
    try:
        service.sign_in(person, accounts)
    except RuntimeError as error:
        return str(error).startswith("403")
    return False


def test_what_is_done_to_a_person_is_asked_for_once_said_and_written_down(tab, service):
    accounts = [{"type": "email", "address": "ada@example.com", "name": "Ada Lovelace"}]
    user_id = service.sign_in("did:privy:ada", accounts)["user_id"]
    tab.click("[data-page=people]")
    tab.fill("#who", "did:privy:ada")
    tab.press(Keys.ENTER)
    tab.until("return document.querySelector('#person h2') !== null")
    shown = tab.text("#person")
    assert "ada@example.com" not in shown
    assert "Lovelace" not in shown
    assert "a•••@e•••" in shown
    assert "gw_live_" in shown
    confirm(tab, "#reveal", "she asks what we hold")
    tab.until("return document.getElementById('person').textContent.includes('ada@example.com')")
    confirm(tab, "[data-path$='/disable']", "asked by did:privy:ada")
    said(tab, f"User {user_id} is kept out")
    assert wait_until(lambda: is_kept_out(service, "did:privy:ada", accounts), CLOCK, 5), "she still signs in"
    confirm(tab, "[data-path$='/enable']")
    said(tab, "may sign in again")
    confirm(tab, "[data-path$='/erase']")
    said(tab, "A search for the old names found nothing.")
    tab.click("[data-page=audit]")
    tab.until("return document.querySelectorAll('#sheet-body tbody tr').length >= 4")
    rows = tab.run("return [...document.querySelectorAll('#sheet-body tbody tr')].map((e) => e.innerText)")
    deeds = [row.split("\t")[1:5] for row in rows[:4]]
    assert [deed[1] for deed in deeds] == ["erase", "enable", "disable", "reveal"]
    assert {deed[2] for deed in deeds} == {f"user {user_id}"}
    assert deeds[2][3] == "asked by (left out)"
    tab.click("[data-page=people]")
    tab.fill("#who", "did:privy:ada")
    tab.press(Keys.ENTER)
    said(tab, "There is nobody of this name.")


def test_the_console_tells_the_outage_works_in_it_and_tells_its_end(tab, service):
    for name in ("grace", "joan"):
        service.sign_in(f"did:privy:{name}", [{"type": "github_oauth", "username": name}])
    servers = postgres_of(service)
    for pid in servers:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            with pytest.raises(RuntimeError, match="503"):
                service.sign_in("did:privy:newcomer")
        service.sign_in("did:privy:grace", [{"type": "github_oauth", "username": "grace"}])
        tab.until(f"{SENTENCE}.startsWith('The database has not answered for')")
        below = tab.text("#below")
        assert "Returning people are signed in" in below
        assert "Newcomers are asked to come back" in below
        tab.until("return document.getElementById('neighbours').textContent.includes('✕\u00a0silent')")
        jobs = tab.run("return document.getElementById('neighbours').lastElementChild.textContent")
        assert re.match(r"Jobsnot known for \d.*; none was waiting then\?\u00a0not known", jobs), jobs
        tab.until("return document.querySelectorAll('#troubles .when').length > 0")
        tab.until("return document.getElementById('troubles-note').textContent === '3 in 15 min, of 1 person'")
        assert tab.run("return document.getElementById('do').href").endswith("/console/runbook/database-away")
        tab.click("[data-page=people]")
        tab.fill("#who", "did:privy:grace")
        tab.press(Keys.ENTER)
        tab.until("return document.getElementById('person').textContent.includes('only what is remembered is shown')")
        assert "last known good" in tab.text("#person")
        tab.click("[data-page=now]")
    finally:
        for pid in servers:
            os.kill(pid, signal.SIGCONT)
    tab.until(f"{SENTENCE}.startsWith('The database is back')")


def test_guessing_the_token_is_soon_refused_for_a_while(service):
    answers = [ask(service, "POST", "/console/session", {"token": f"guess {n}"}) for n in range(16)]
    assert {status for status, _, _ in answers} == {401, 429}
    assert int(answers[-1][1]["retry-after"]) >= 1


def test_an_open_console_does_not_hold_up_the_end(service):
    """The last one here: it ends the service."""
    cookie = by_link(service)
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.request("GET", "/console/stream", headers={"cookie": cookie})
    stream = connection.getresponse()
    assert stream.read(7) == b"retry: "
    code, seconds = service.end()
    connection.close()
    assert code == 0
    assert seconds < 4.0
