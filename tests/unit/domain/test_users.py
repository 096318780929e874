"""Making and naming an account."""

# ruff: noqa: RUF001 - look-alikes are what is tested

from __future__ import annotations

import pytest

from gatewayz_auth.domain.identity import LinkedAccount
from gatewayz_auth.domain.users import display_name, folded_username, may_join, username_from

SPARE = "abcdefgh23"


@pytest.mark.parametrize(
    ("name", "username"),
    [
        ("Ada", "ada"),
        ("Ada Lovelace", "ada_lovelace"),
        ("  Grace\tB. Hopper ", "grace_b._hopper"),
        ("octo-cat", "octo-cat"),
        ("ＡＤＡ", "ada"),
        ("Jürgen Groß", "jürgen_gross"),
        ("王芳", "王芳"),
        ("<b>bo</b>", "bbob"),
        ("a" * 31 + "-b-c", "a" * 31),
        ("..ada..", "ada"),
    ],
)
def test_a_name_becomes_a_username_of_one_form(name, username):
    assert username_from(name, SPARE) == username


@pytest.mark.parametrize("name", [None, "", " ", "a", "\u200b\u202e", "😀😀", "---", "._."])
def test_what_leaves_too_little_falls_back(name):
    assert username_from(name, SPARE) == "user_" + SPARE


@pytest.mark.parametrize(
    "name", ["admin", "ADMIN", "Ａdmin", " root ", "sup.port", "ad-min", "_system_", "user_7", "User 7"]
)
def test_reserved_words_are_refused_in_any_dress(name):
    assert username_from(name, SPARE) == "user_" + SPARE


@pytest.mark.parametrize(
    "name", ["ada@example.com", "Ada <ada@example.com>", "ada＠example.com", "ada﹫example.com", "@ada"]
)
def test_a_username_is_never_made_of_an_email(name):
    assert username_from(name, SPARE) == "user_" + SPARE


@pytest.mark.parametrize(
    "name",
    [
        "+1 555 010 0099",
        "555_123_4567",
        "call 555.0100",
        "(555) 010-0099",
        "٠١٢٣٤٥٦",
        "５５５１２３４",
        "tel 5-5-5-0-1-0",
    ],
)
def test_a_username_is_never_made_of_a_phone_number(name):
    assert username_from(name, SPARE) == "user_" + SPARE


@pytest.mark.parametrize(
    "name",
    [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x5290…9EE7",
        "0X5290...9ee7",
        "wallet 0x52908400",
        "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV",
        "LiPoLiPoLiPoLiPoLiPoLiPoLiPoLiPoLi",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "52908400098527886E0F7030069857D2E4169EE7",
    ],
)
def test_a_username_is_never_made_of_a_wallet(name):
    assert username_from(name, SPARE) == "user_" + SPARE


def test_usernames_that_differ_in_case_or_width_alone_are_the_same():
    assert len({folded_username(name) for name in ("Straße", "STRASSE", "strasse", "ｓｔｒａｓｓｅ")}) == 1


def test_the_display_name_is_the_first_name_or_handle_of_the_first_source():
    signed = (LinkedAccount("email", address="a@b.c"), LinkedAccount("github_oauth", username="octo"))
    claimed = (LinkedAccount("google_oauth", name="Somebody Else"),)
    assert display_name(signed, claimed) == "octo"
    assert display_name(signed[:1], claimed) == "Somebody Else"
    assert display_name(signed[:1]) is None


def test_a_display_name_has_no_controls_and_at_most_128_characters():
    assert display_name((LinkedAccount("email", name="\x00\x07"), LinkedAccount("email", name="a" * 300))) == "a" * 128


@pytest.mark.parametrize(
    ("signups", "domains", "email", "joins"),
    [
        ("on", (), None, True),
        ("off", ("example.com",), "a@example.com", False),
        ("allowlist", ("example.com",), "a@example.com", True),
        ("allowlist", ("example.com",), "a@sub.example.com", False),
        ("allowlist", ("example.com",), "a@notexample.com", False),
        ("allowlist", ("example.com",), None, False),
        ("allowlist", (), "a@example.com", False),
    ],
)
def test_a_newcomer_joins_only_as_the_setting_says(signups, domains, email, joins):
    assert may_join(signups, domains, email) is joins
