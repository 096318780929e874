"""The look of API keys, and what tells junk from keys without a look-up."""

import uuid

import pytest

from gatewayz_auth.domain import api_keys

SECRET = "0123456789ABCDEFGHIJabcdefghij"
KEY_ID = uuid.UUID("8f14e45f-ceea-467f-ab1d-6d5b1d1c1c1c")


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("live", "gw_live_0123456789ABCDEFGHIJabcdefghij"),
        ("test", "gw_test_0123456789ABCDEFGHIJabcdefghij"),
        ("development", "gw_dev_0123456789ABCDEFGHIJabcdefghij"),
    ],
)
def test_a_key_names_its_tag_and_ends_with_its_checksum(tag, expected):
    api_key = api_keys.compose(tag, SECRET)
    assert api_key[:-6] == expected
    assert api_keys.tag_of(api_key) == tag
    assert api_keys.shown_prefix(api_key) == expected[: expected.index("0123") + 4]


def test_the_checksum_never_changes_between_versions():
    assert api_keys.checksum("gw_live_" + SECRET) == "3wduLJ"
    assert api_keys.checksum("") == "000000"


KEY = api_keys.compose("live", SECRET)


@pytest.mark.parametrize(
    "junk",
    [
        "", "gw_live_", "gw_live", KEY[:-1], KEY + "0", KEY[:-1] + "!", " " + KEY, KEY + "\n", KEY.upper(),
        KEY.replace("gw_live_", "gw_test_"), KEY.replace("gw_live_", "gw_prod_"), KEY.replace("live", "l\u0456ve"),
        "gw_live_" + "0" * 36, "sk-" + KEY, KEY.replace("A", "B", 1), KEY[:10] + KEY[11] + KEY[10] + KEY[12:],
        KEY[:-6] + "\u0661" * 6, "\ud800" * 44, KEY.replace("0", "\x00", 1),
    ],
    ids=range(19),
)  # fmt: skip
def test_junk_is_told_without_a_look_up(junk):
    assert api_keys.tag_of(junk) is None


def test_a_digest_depends_on_its_key_and_an_owner_tag_on_secret_and_owner():
    assert api_keys.digest(b"k" * 32, KEY) != api_keys.digest(b"l" * 32, KEY)
    assert len(api_keys.digest(b"k" * 32, KEY)) == 32
    tags = {api_keys.owner_tag(secret, user) for secret in (b"a" * 32, b"b" * 32) for user in (1, 2, 2**63 - 1)}
    assert len(tags) == 6


def test_what_a_seal_is_bound_to_names_row_and_format():
    assert api_keys.associated_data(KEY_ID) != api_keys.associated_data(uuid.UUID(int=1))
    assert api_keys.associated_data(KEY_ID, 1) != api_keys.associated_data(KEY_ID, 2)
