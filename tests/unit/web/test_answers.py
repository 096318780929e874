"""The fields of a 200."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from tests.support.web_app import account

from gatewayz_auth.web.answers import render, stamped


def answer(api_key="gw_live_x", *, is_new=False, **changes):
    return json.loads(stamped(render(account(**changes), api_key, is_new=is_new), 1764000000.9))


def test_every_field_of_the_contract_is_there_and_no_other():
    assert answer() == {
        "success": True,
        "message": "Signed in.",
        "user_id": 7,
        "api_key": "gw_live_x",
        "auth_method": "email",
        "privy_user_id": "did:privy:ada",
        "is_new_user": False,
        "display_name": "ada",
        "email": "ada@example.com",
        "phone_number": None,
        "credits": 3,
        "subscription_status": "trial",
        "tier": "basic",
        "tier_display_name": "Basic",
        "trial_expires_at": "2026-11-24T16:00:00Z",
        "subscription_end_date": None,
        "timestamp": "2025-11-24T16:00:00Z",
    }


def test_a_newcomer_is_told_so():
    assert answer(is_new=True)["is_new_user"] is True
    assert answer(is_new=True)["message"] == "Account created."


@pytest.mark.parametrize(("amount", "shown"), [("3.00", "3"), ("2.5", "2.5"), ("-0.25", "-0.25"), ("1e3", "1000")])
def test_credits_are_a_number_and_whole_where_they_are_whole(amount, shown):
    assert b'"credits":' + shown.encode() + b"," in render(account(credits=Decimal(amount)), None, is_new=False)


def test_a_moment_of_another_zone_is_told_in_utc():
    moment = dt.datetime(2026, 11, 24, 18, 0, 0, 5, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert answer(trial_expires_at=moment)["trial_expires_at"] == "2026-11-24T16:00:00Z"


def test_what_is_proven_is_shown_before_what_is_claimed():
    shown = answer(email="proven@example.com", phone_number="+1", claimed_phone_number="+2", display_name="Ada L.")
    assert (shown["email"], shown["phone_number"], shown["display_name"]) == ("proven@example.com", "+1", "Ada L.")


def test_a_key_may_be_missing():
    assert answer(None)["api_key"] is None


def test_the_time_stamp_is_of_the_answer_and_not_of_what_was_kept():
    kept = render(account(), "gw_live_x", is_new=False)
    assert json.loads(stamped(kept, 0))["timestamp"] == "1970-01-01T00:00:00Z"
    assert json.loads(stamped(kept, 1))["timestamp"] == "1970-01-01T00:00:01Z"
    assert json.loads(stamped(kept, 1.999))["timestamp"] == "1970-01-01T00:00:01Z"
