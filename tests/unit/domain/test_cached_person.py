"""What is remembered of a person keeps to itself and says its age."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from gatewayz_auth.domain.cached_person import CachedPerson
from gatewayz_auth.domain.sign_in import StoredKey
from gatewayz_auth.domain.users import Account


def _account():
    return Account(
        user_id=7,
        region="default",
        privy_user_id="did:privy:ada",
        username="ada",
        display_name="Ada",
        auth_method="email",
        email="ada@example.com",
        claimed_email=None,
        phone_number=None,
        claimed_phone_number=None,
        credits=Decimal(3),
        tier="basic",
        subscription_status="trial",
        trial_expires_at=None,
        subscription_end_date=None,
        is_guest=False,
        is_active=True,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _key(tag):
    return StoredKey(uuid.uuid4(), tag, "gw_live_abcd", "k1", b"sealed", b"owner")


def test_a_repr_says_nothing_personal():
    assert repr(CachedPerson(_account(), (_key("live"),), 1.0)) == "CachedPerson(user_id=7)"


def test_age_never_runs_backwards_when_a_clock_does():
    person = CachedPerson(_account(), (), 100.0)
    assert person.age_s(130.0) == 30.0
    assert person.age_s(90.0) == 0.0


def test_a_key_of_one_tag_never_stands_in_for_another():
    live = _key("live")
    person = CachedPerson(_account(), (live,), 1.0)
    assert person.key_for("live") is live
    assert person.key_for("test") is None


def test_keys_of_other_tags_are_kept_from_an_older_record_of_the_same_account():
    live, test, newer = _key("live"), _key("test"), _key("live")
    older = CachedPerson(_account(), (live, test), 1.0)
    person = CachedPerson(_account(), (newer,), 2.0).beside(older)
    assert person.key_for("live") is newer
    assert person.key_for("test") is test
    assert person.as_of_s == 2.0
    somebody = CachedPerson(replace(_account(), user_id=8), (newer,), 2.0)
    assert somebody.beside(older) is somebody
