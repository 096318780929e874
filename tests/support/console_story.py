"""What has to have happened for the console's pages Jobs, Rollout and Settings to have something to show."""

from pathlib import Path

import psycopg

from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.reliability.clock import SystemClock

_FAIL = """
UPDATE public.referrals SET status = 'failed', reason = %s, attempts = 8 WHERE referred_user_id = %s RETURNING id
"""


def database_of(serving):
    """The address of the embedded database of ``serve --dev``."""
    return EmbeddedPostgres((Path(serving.folder) / ".state").absolute(), SystemClock()).url


def failed_referral(serving, person, code="SPRING26", reason="lock timeout while paying"):
    """A newcomer with a code whose referral could not be judged; its id."""
    issued = serving.post("/dev/token", {"privy_user_id": person, "linked_accounts": []})
    user_id = serving.post("/api/auth", {**issued, "referral_code": code})["user_id"]
    with psycopg.connect(database_of(serving), autocommit=True) as connection:
        return connection.execute(_FAIL, (reason, user_id)).fetchone()[0]


def confirm(tab, path, why="", **fields):
    """Press the button of a deed, fill in what it asks for, and say yes."""
    tab.click(f"[data-path='{path}']")
    tab.until("return document.getElementById('ask').open")
    for name, value in fields.items():
        tab.run("const e = document.getElementById('ask-' + arguments[0]); e.value = arguments[1]", name, value)
    if why:
        tab.fill("#ask-why", why)
    tab.click("#ask-yes")


def said(tab, words):
    """The page has said what was done."""
    tab.until("return document.getElementById('sheet-said').textContent.includes(arguments[0])", words)


def turn_to(tab, page):
    """Show a page, with what it shows on it."""
    tab.click(f"[data-page={page}]")
    tab.until(
        "return document.getElementById('sheet-title').textContent === arguments[0]"
        " && document.querySelector('#sheet-body section') !== null",
        page.capitalize(),
    )
