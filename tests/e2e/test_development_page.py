"""The development page in a real Chromium, on the real service."""

import json
import shlex
import subprocess

import pytest
from selenium.webdriver.common.keys import Keys
from tests.support.browser import chromium
from tests.support.requirements import needs_debian
from tests.support.serving import Serving

PEOPLE = ["ada", "grace", "octo", "a wallet", "a phone", "a guest"]

# Every visible text's contrast to what lies behind it: large text (24 px, or 18.66 px bold) needs 3, other text 4.5.
CONTRAST = """
const channel = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const read = (text) => { const p = text.match(/[\\d.]+/g).map(Number); return p.length < 4 ? [...p, 1] : p; };
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
const behind = (e) => {
  const layers = [];
  for (let at = e; at; at = at.parentElement) layers.unshift(read(getComputedStyle(at).backgroundColor));
  return layers.reduce((under, top) => over(top, under), [255, 255, 255]);
};
const faults = [];
const judge = (what, style, e) => {
  const back = behind(e);
  const [a, b] = [light(over(read(style.color), back)), light(back)].sort((x, y) => y - x);
  const size = parseFloat(style.fontSize);
  const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < least) faults.push(`${what}: ${ratio.toFixed(2)} < ${least}`);
  return ratio;
};
let judged = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (walker.currentNode.data.trim() && e.checkVisibility() && e.tagName !== "NOSCRIPT") {
    judge(walker.currentNode.data.trim().slice(0, 40), getComputedStyle(e), e);
    judged += 1;
  }
}
for (const e of document.querySelectorAll("input[type=text]")) {
  judge(`in ${e.id}`, getComputedStyle(e, "::placeholder"), e);
}
return [judged, faults];
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The address of a service in development mode."""
    with Serving(tmp_path_factory.mktemp("page"), environ={"RATE_LIMITS": "off"}) as serving:
        yield serving.ready().url


@pytest.fixture(scope="module")
def tab():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(tab, service):
    """The page as somebody sees it who comes for the first time."""
    tab.look()
    tab.open(f"{service}/")
    yield tab
    tab.go_offline(offline=False)


def answers(page) -> int:
    return int(page.run("return document.getElementById('answer').dataset.answers || 0"))


def act(page, do, times=1):
    """Do it, and wait until that many more answers stand on the page and it is at rest."""
    wanted = answers(page) + times
    do()
    page.until(
        "return Number(document.getElementById('answer').dataset.answers) >= arguments[0]"
        " && document.getElementById('form').getAttribute('aria-busy') === 'false'",
        wanted,
    )


def sign_in(page, name="ada"):
    page.run(
        "[...document.querySelectorAll('.person')].find((e) => e.innerText.startsWith(arguments[0])).click()", name
    )
    act(page, lambda: page.click("#sign-in"))


def field(page, name) -> str:
    return page.text(f"[data-field={name}]")


def key(page) -> str:
    if page.run("return document.getElementById('reveal').textContent") == "Show":
        page.click("#reveal")
    return page.text("#key")


def test_before_anybody_signed_in_the_page_says_what_will_stand_there(page):
    assert page.text("#sentence") == "Nobody has signed in here yet."
    assert "Where the answer came from" in page.text("#empty")
    assert [line.split("\n")[0] for line in page.run(
        "return [...document.querySelectorAll('#people .person')].map((e) => e.innerText)")] == PEOPLE  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_a_person_signs_in_and_sees_where_the_answer_came_from_and_where_the_time_went(page, name):
    sign_in(page, name)
    assert page.text("#sentence").startswith("Signed in from the ")
    assert page.text("#sentence").endswith(" ms.")
    source = page.run("return document.querySelector('.figures .source').dataset.source")
    assert source in {"database", "cache"}
    assert page.text(".figures .source") == source
    phases = page.text(".phases").split("\n")
    assert phases[0] == "read the request"
    assert "prove the token" in phases
    assert "together" in phases
    assert page.run("return document.querySelectorAll('.phases .bar').length") >= 3
    assert int(field(page, "user_id")) > 0


def test_the_key_is_masked_until_it_is_asked_for_and_stands_nowhere_else(page):
    sign_in(page)
    masked = page.text("#key")
    assert masked.startswith("gw_live_")
    assert masked.endswith("•" * 16)
    page.click("#reveal")
    shown = page.text("#key")
    assert len(shown) == len("gw_live_") + 36
    assert shown.startswith(masked.rstrip("•"))
    assert page.text("#reveal") == "Hide"
    page.click("#reveal")
    assert page.text("#key") == masked
    page.click("details summary")
    assert masked in page.text("details")
    assert page.run("return document.body.innerText.includes(arguments[0])", shown) is False
    assert page.run("return JSON.stringify(localStorage).includes('gw_')") is False


def test_the_key_and_a_curl_line_that_works_can_be_copied(page, service):
    needs_debian("curl")
    granted = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {"origin": service, "permissions": granted})
    sign_in(page)
    shown = key(page)
    copied = {}
    for button in ("copy-key", "copy-curl"):
        page.click(f"#{button}")
        page.until("return document.getElementById(arguments[0]).textContent === 'Copied'", button)
        copied[button] = page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied["copy-key"] == shown
    answer = subprocess.run(shlex.split(copied["copy-curl"]), capture_output=True, text=True, timeout=30, check=True)
    assert answer.stdout.startswith("HTTP/1.1 200")
    assert json.loads(answer.stdout.splitlines()[-1])["api_key"] == shown


def test_the_same_person_again_has_the_same_account_and_key(page):
    sign_in(page, "octo")
    first = (field(page, "user_id"), key(page))
    sign_in(page, "octo")
    assert (field(page, "user_id"), key(page)) == first
    assert page.text("#below").startswith("octo is known")
    assert field(page, "is_new_user") == "false"
    assert page.text("#past-title") == "The last 2 sign-ins, newest first"


def test_another_kind_of_key_is_another_key(page):
    sign_in(page)
    live = key(page)
    page.run("document.getElementById('tag').value = 'test'")
    sign_in(page)
    assert key(page).startswith("gw_test_")
    assert key(page) != live
    assert "a test key" in page.text("#below")


def test_somebody_new_is_new_and_is_remembered_after_a_reload(page, service):
    act(page, lambda: page.click("#new"))
    assert page.text("#sentence").startswith("Signed in from the database in ")
    assert "is new: account " in page.text("#below")
    assert field(page, "is_new_user") == "true"
    name = page.text("#below").split(" ")[0]
    act(page, lambda: page.click("#sign-in"))
    assert page.text("#below").startswith(f"{name} is known")
    page.open(f"{service}/", forget=False)
    assert name in page.text("#people")
    page.click("#forget")
    assert name not in page.text("#people")


def test_whoever_is_typed_signs_in_by_what_they_are(page):
    for typed, how in {
        "hopper@example.com": "e-mail, as did:privy:hopper-example-com",
        "+1 555 0100 042": "phone, as did:privy:1-555-0100-042",
        "0x" + "ab" * 20: "wallet, as did:privy:0x" + "ab" * 20,
        "Dorothy V": "GitHub, as did:privy:dorothy-v",
        "did:privy:typed_one": "id alone, as did:privy:typed_one",
    }.items():
        page.fill("#typed", typed)
        assert page.text("#typed-as") == how
        act(page, lambda: page.click("#sign-in"))
        assert field(page, "privy_user_id") == how.split(" as ")[1]


@pytest.mark.parametrize("typed", ["did:foo", "***", "did:privy:" + "a" * 129, "   "])
def test_whom_nobody_can_be_called_is_told_so_and_nothing_is_sent(page, typed):
    page.requests()
    page.fill("#typed", typed)
    page.click("#sign-in")
    assert page.run("return document.activeElement.id") == "typed"
    assert page.run("return document.getElementById('typed').getAttribute('aria-invalid')") == "true"
    assert "wrong" in page.run("return document.getElementById('typed-as').className")
    assert page.requests() == []


def test_a_broken_token_shows_the_problem_whichever_way_it_is_broken(page):
    ways = set()
    for _ in range(5):
        act(page, lambda: page.click("#broken"))
        assert page.text("#sentence") == "The token was not accepted."
        ways.add(page.text("#below").split(".")[0])
        assert field(page, "status") == "401"
        assert field(page, "title")
        assert field(page, "detail")
        assert field(page, "request_id")
        assert field(page, "www-authenticate") == 'Bearer error="invalid_token"'
        assert page.run("return document.getElementById('key')") is None
    assert len(ways) == 5


def test_ten_times_is_ten_answers_and_the_last_twenty_stay(page):
    for _ in range(3):
        act(page, lambda: page.click("#ten"), times=10)
    assert page.text("#sentence").startswith("Signed in 10 times, the slowest in ")
    assert page.text("#past-title") == "The last 20 sign-ins, newest first"
    assert page.run("return document.querySelectorAll('#rows .dots b').length") == 20


def test_a_refused_referral_code_names_its_field(page):
    page.run("document.getElementById('referral').removeAttribute('maxlength')")
    page.fill("#referral", "x" * 100)
    act(page, lambda: page.click("#sign-in"))
    assert page.text("#sentence") == "The request was not understood."
    assert "/referral_code" in page.text(".problem")


def test_when_the_service_is_gone_the_page_says_so_and_what_to_do(page):
    sign_in(page)
    page.go_offline(offline=True)
    act(page, lambda: page.click("#sign-in"))
    assert page.text("#sentence").startswith("Nobody answers at ")
    assert "make run starts it" in page.text("#below")
    page.go_offline(offline=False)
    sign_in(page)
    assert page.text("#sentence").startswith("Signed in from ")


def test_the_keyboard_alone_is_enough(page):
    page.press(Keys.TAB)
    assert page.run("return document.activeElement.textContent") == "Skip to the answer"
    while page.run("return document.activeElement.name") != "person":
        page.press(Keys.TAB)
    page.press(Keys.ARROW_DOWN)
    assert page.run("return document.activeElement.value") == "did:privy:grace"
    act(page, lambda: page.press(Keys.ENTER))
    assert field(page, "privy_user_id") == "did:privy:grace"
    assert page.run("return document.activeElement.value") == "did:privy:grace"
    order = []
    for _ in range(12):
        page.press(Keys.TAB)
        order.append(page.run("return document.activeElement.id"))
        outlined = page.run(
            "const e = document.activeElement; const o = getComputedStyle(e); return o.outlineStyle !== 'none'"
            " && parseFloat(o.outlineWidth) >= 2"
        )
        assert outlined, order[-1]
        if order[-1] == "reveal":
            break
    assert order[:8] == ["typed", "tag", "referral", "sign-in", "ten", "new", "broken", "reveal"]
    page.press(Keys.SPACE)
    assert "•" not in page.text("#key")


def test_assistive_technology_hears_the_sentence_and_every_control_has_a_name(page):
    sign_in(page)
    tree = page.accessibility_tree()
    controls = {"button", "textbox", "radio", "combobox", "link", "checkbox", "DisclosureTriangle"}
    unnamed = [role for role, name in tree if role in controls and not name.strip()]
    assert unnamed == []
    roles = {role for role, _ in tree}
    assert {"status", "main", "navigation", "banner", "heading", "table", "radio", "group"} <= roles
    assert ("heading", page.text("#sentence")) in tree
    assert (
        page.run("const s = document.querySelector('[role=status]'); return s.ariaLive + s.ariaAtomic") == "politetrue"
    )
    assert page.run("return document.documentElement.lang") == "en"
    levels = page.run(
        "return [...document.querySelectorAll('h1,h2,h3')].filter((h) => h.checkVisibility()).map((h) => h.tagName)"
    )
    assert levels[0] == "H1"
    assert levels.count("H1") == 1


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read_on_light_and_on_dark(page, dark):
    page.look(dark=dark)
    page.until("return document.getAnimations().length === 0")
    background = page.run("return getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(16, 17, 19)" if dark else "rgb(250, 250, 248)")
    for state in (lambda: None, lambda: sign_in(page), lambda: act(page, lambda: page.click("#broken"))):
        state()
        page.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        page.until("return document.getAnimations().length === 0")
        judged, faults = page.run(CONTRAST)
        assert judged > 30
        assert faults == []


def test_one_colour_means_one_source(page):
    for dark, wanted in ((False, ["rgb(31, 138, 128)", "rgb(61, 111, 214)", "rgb(209, 138, 16)"]),
                         (True, ["rgb(59, 179, 166)", "rgb(111, 155, 242)", "rgb(229, 169, 59)"])):  # fmt: skip
        page.look(dark=dark)
        seen = page.run(
            "return ['cache', 'database', 'last-known-good'].map((s) => getComputedStyle("
            "document.querySelector(`#empty [data-source=${s}]`), '::before').backgroundColor)"
        )
        assert seen == wanted


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_runs_over_the_edge_of_a_small_screen(page, width):
    page.look(width=width, height=844)
    fits = "return document.documentElement.scrollWidth <= innerWidth && innerWidth === arguments[0]"
    assert page.run(fits, width)
    page.fill("#typed", "did:privy:" + "W" * 128)
    act(page, lambda: page.click("#sign-in"))
    page.click("#reveal")
    page.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.run(fits, width)
    act(page, lambda: page.click("#broken"))
    assert page.run(fits, width)


def test_fingers_hit_what_they_aim_at_on_a_phone(page):
    page.look(width=390, height=844)
    sign_in(page)
    small = page.run(
        "return [...document.querySelectorAll('button, .person, select, input[type=text]')]"
        ".filter((e) => e.checkVisibility() && e.id !== 'forget' && e.getBoundingClientRect().height < 44)"
        ".map((e) => e.outerHTML)"
    )
    assert small == []


def test_the_page_asks_nobody_but_its_own_service_and_the_console_stays_silent(page, service):
    page.requests(), page.console()
    page.open(f"{service}/")
    sign_in(page)
    act(page, lambda: page.click("#new"))
    assert page.console() == []
    asked = page.requests()
    assert f"{service}/api/auth" in asked
    foreign = [url for url in asked if not url.startswith((f"{service}/", "data:", "about:"))]
    assert foreign == []
