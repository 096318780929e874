"""Jobs, Rollout and Settings in a real Chromium: true while the database is there, and while it is frozen."""

import json
import os
import signal

import psycopg
import pytest
from selenium.webdriver.common.keys import Keys
from tests.e2e.test_console import ask, by_link, link, postgres_of
from tests.e2e.test_development_page import CONTRAST
from tests.support.browser import chromium
from tests.support.console_story import confirm, database_of, failed_referral, said, turn_to
from tests.support.serving import CLOCK, Serving

from gatewayz_auth.adapters.child_process import wait_until

PAGES = ("jobs", "rollout", "settings")
DRILL = {"at": "2026-11-28", "sentence": "All 90 answered within 8 s."}
MARKED = "postgresql://of-the-test:a-password@"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Two workers, in a folder where a drill has been."""
    folder = tmp_path_factory.mktemp("steering")
    (folder / "reports").mkdir()
    (folder / "reports" / "last-drill.json").write_text(json.dumps(DRILL))
    with Serving(folder, "--workers", "2", environ={"RATE_LIMITS": "off", "USER_LOOKUP_TIMEOUT": "3"}) as serving:
        yield serving.ready()


@pytest.fixture(scope="module")
def browser():
    with chromium() as tab:
        yield tab


@pytest.fixture
def tab(browser, service):
    browser.look()
    browser.driver.get(link(service))
    browser.console()
    browser.driver.get(f"{service.url}/console")
    browser.until("return Number(document.body.dataset.snapshots) > 0")
    return browser


@pytest.fixture
def freeze(service):
    """Freezes the database until the test is over."""
    pids = []

    def now():
        pids.extend(postgres_of(service))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)

    yield now
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    assert wait_until(lambda: ask(service, "GET", "/readyz")[0] == 200, CLOCK, 15)


def body(tab):
    return tab.text("#sheet-body")


def audited(service):
    with psycopg.connect(database_of(service)) as connection:
        return connection.execute("SELECT who, what, subject, why FROM gatewayz_auth.audit ORDER BY id DESC").fetchall()


def test_strangers_and_other_sites_see_and_steer_nothing(service):
    cookie = by_link(service)
    token = json.loads(ask(service, "GET", "/console/session", cookie=cookie)[2])["token"]
    mine = {"cookie": cookie, "x_console_token": token}
    for page in (*PAGES, "audit"):
        assert ask(service, "GET", f"/console/sheets/{page}")[0] == 401, page
        assert ask(service, "GET", f"/console/sheets/{page}", cookie=cookie)[0] == 200, page
    for path in ("rollout/start", "settings/SIGNUPS/set", "settings/SIGNUPS/unset", "jobs/retry", "jobs/1/retry"):
        where = f"/console/steer/{path}"
        assert ask(service, "POST", where, {})[0] == 401, path
        assert ask(service, "POST", where, {}, cookie=cookie)[0] == 403, path
        assert ask(service, "POST", where, {}, **mine, origin="https://evil.example")[0] == 403, path
        assert ask(service, "POST", where, {}, **mine, sec_fetch_site="cross-site")[0] == 403, path
    assert audited(service) == []


def test_nonsense_is_refused_in_a_sentence_and_not_written_down(service):
    cookie = by_link(service)
    token = json.loads(ask(service, "GET", "/console/session", cookie=cookie)[2])["token"]

    def steer(path, given):
        return ask(service, "POST", f"/console/steer/{path}", given, cookie=cookie, x_console_token=token)

    for path, given, words in (
        ("settings/USER_LOOKUP_TIMEOUT/set", {"value": "9"}, "USER_LOOKUP_TIMEOUT"),
        ("settings/DATABASE_URL/set", {"value": MARKED}, "read once at start"),
        ("rollout/advance", {}, "No rollout is under way"),
    ):
        status, _, text = steer(path, given)
        assert (status, words in text, MARKED in text) == (409, True, False), path
    assert steer("settings/SIGNUPS/set", {"value": "on", "for_s": "soon"})[0] == 422
    assert steer("settings/SIGNUPS/set", {"value": "on", "for_s": "999999999"})[0] == 409
    assert {steer(path, {})[0] for path in ("rollout/show", "settings/SIGNUPS/get", "jobs/0/retry")} == {404}
    assert audited(service) == []


def test_a_failed_referral_is_shown_masked_with_its_reason_and_retried_once(tab, service):
    first = failed_referral(service, "did:privy:first", reason="no answer about did:privy:first")
    second = failed_referral(service, "did:privy:second")
    turn_to(tab, "jobs")
    tab.until("return document.getElementById('sheet-body').textContent.includes('lock timeout while paying')")
    assert "no answer about (left out)" in body(tab)
    assert "SPRING26" not in body(tab)
    assert "code S•••" in body(tab)
    confirm(tab, f"steer/jobs/{first}/retry", "the lock is gone")
    said(tab, "1 failed referral is tried again")
    tab.until("return document.querySelector(arguments[0]) === null", f"[data-path='steer/jobs/{first}/retry']")
    assert tab.run("return document.querySelector(arguments[0]) !== null", f"[data-path='steer/jobs/{second}/retry']")
    assert audited(service)[0][1:] == ("retry", f"referral {first}", "the lock is gone")
    tab.until("return /refused\\s*1/.test(document.getElementById('sheet-body').innerText)")
    assert tab.console() == []


def test_a_rollout_is_started_counted_kept_from_going_on_too_soon_halted_and_finished(tab, service):
    turn_to(tab, "rollout")
    assert "no rollout" in body(tab)
    confirm(tab, "steer/rollout/start", "a first tenth of did:privy:somebody")
    said(tab, "Safety features are on for 10 % of people.")
    for n in range(30):
        service.sign_in(f"did:privy:cohort-{n}")
    tab.until("return /Sign-ins\\s*\\d+\\s*\\d/.test(document.getElementById('sheet-body').innerText)")
    assert all(
        word in body(tab) for word in ("P50", "P95", "P99", "Errors", "Time-outs", "Hit rate", "too few to tell")
    )
    tab.click("[data-page=now]")
    tab.until("return document.getElementById('more').textContent.includes('Rollout at stage 1 of 3 since ')")
    turn_to(tab, "rollout")
    confirm(tab, "steer/rollout/advance")
    said(tab, "✕ This stage soaks for another 30 min")
    confirm(tab, "steer/rollout/halt")
    said(tab, "on for 0 % of people")
    confirm(tab, "steer/rollout/finish", "enough seen")
    said(tab, "on for 100 % of people")
    tab.until("return document.getElementById('sheet-body').innerText.includes('finished')")
    deeds = [(what, why) for _, what, _, why in audited(service)[:3]]
    assert deeds == [
        ("rollout finish", "enough seen"), ("rollout halt", ""), ("rollout start", "a first tenth of (left out)"),
    ]  # fmt: skip


def test_a_setting_is_changed_for_a_while_told_with_by_whom_and_left_to_the_environment_again(tab, service):
    turn_to(tab, "settings")
    shown = body(tab)
    assert "RATE_LIMITS\non or off\noff\nenvironment" in shown
    assert "postgresql" not in shown.replace("postgresql:// URL", "")
    assert "API_KEY_SECRET\nsecrets of 32 or more printable characters, separated by commas, newest first\nset" in shown
    confirm(tab, "steer/settings/SIGNUPS/set", "too many", value="off", for_s="7200")
    said(tab, "SIGNUPS is off for 2 h")
    tab.until("return document.getElementById('sheet-body').innerText.includes('by developer (console): too many')")
    assert wait_until(lambda: refuses_newcomers(service), CLOCK, 5)
    confirm(tab, "steer/settings/SIGNUPS/unset")
    said(tab, "SIGNUPS is what the environment says")
    tab.until("return !document.getElementById('sheet-body').innerText.includes('too many')")
    assert [one[1:3] for one in audited(service)[:2]] == [
        ("settings unset", "SIGNUPS"), ("settings set", "SIGNUPS = off for 2 h"),
    ]  # fmt: skip
    confirm(tab, "steer/settings/AUTH_CACHE_TTL/set", value="forever")
    said(tab, "✕ AUTH_CACHE_TTL")


def answer_to_newcomer(service):
    try:
        service.sign_in(f"did:privy:n{CLOCK.monotonic_s():.6f}".replace(".", "-"))
    except RuntimeError as error:
        return str(error)[:3]
    return "200"


def refuses_newcomers(service):
    return answer_to_newcomer(service) == "403"


def test_every_page_can_be_read_in_both_lights_fits_a_phone_and_is_reached_by_keys(tab):
    for page in PAGES:
        for dark in (False, True):
            tab.look(dark=dark)
            turn_to(tab, page)
            judged, faults = tab.run(CONTRAST)
            assert judged > 15, page
            assert faults == [], (page, dark)
        tab.look(width=390, height=844)
        assert tab.run("return document.documentElement.scrollWidth <= innerWidth"), page
    tab.look()
    turn_to(tab, "settings")
    tab.run("document.querySelector(\"[data-path='steer/settings/SIGNUPS/set']\").focus()")
    tab.press(Keys.ENTER)
    tab.until("return document.getElementById('ask').open")
    tab.press(Keys.ESCAPE)
    said(tab, "Left as it was.")
    assert tab.run("return document.activeElement.dataset.path") == "steer/settings/SIGNUPS/set"


def test_the_page_now_tells_of_the_last_drill(tab):
    tab.click("[data-page=now]")
    assert tab.text("#drill") == "Last drill, 2026-11-28: All 90 answered within 8 s."


def test_while_the_database_is_frozen_the_pages_say_since_when_they_stand_and_change_nothing(tab, service, freeze):
    for page in PAGES:
        turn_to(tab, page)
    freeze()
    for page in PAGES:
        turn_to(tab, page)
        tab.until("return document.getElementById('sheet-still').textContent.includes('has not answered for')")
        assert "What is shown is of " in tab.text("#sheet-still")
        assert tab.run("return [...document.querySelectorAll('#sheet-body button')].every((e) => e.disabled)"), page
    token = json.loads(ask(service, "GET", "/console/session", cookie=(cookie := by_link(service)))[2])["token"]
    began_s = CLOCK.monotonic_s()
    mine = {"cookie": cookie, "x_console_token": token}
    for path in ("settings/SIGNUPS/unset", "rollout/start", "jobs/retry"):
        assert ask(service, "POST", f"/console/steer/{path}", {"why": ""}, **mine)[0] == 503, path
    assert CLOCK.monotonic_s() - began_s < 3 * 2.5


def test_every_worker_s_health_counts_what_one_of_them_gave_up(service):
    def counted():
        asked = [json.loads(ask(service, "GET", "/api/auth/health")[2]) for _ in range(10)]
        return [one["checks"]["timeouts"]["last_5_s"] for one in asked]

    assert wait_until(lambda: set(counted()) == {0}, CLOCK, 15)
    # an open breaker of either worker would refuse newcomers at once, without a time-out
    assert wait_until(lambda: all(answer_to_newcomer(service) == "200" for _ in range(10)), CLOCK, 15)
    with psycopg.connect(database_of(service)) as connection:
        connection.execute("LOCK TABLE gatewayz_auth.identities")
        with pytest.raises(RuntimeError, match="503"):
            service.sign_in("did:privy:newcomer")
        assert wait_until(lambda: min(counted()) > 0, CLOCK, 4), counted()
