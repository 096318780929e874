"""Who calls: only what is signed proves anything, and only where its type may."""

from __future__ import annotations

import pytest

from gatewayz_auth.domain.identity import (
    LinkedAccount,
    auth_method,
    claimed_email,
    is_privy_id,
    normalised_email,
    phone_of,
    verified_email,
    without_controls,
)

ADA = "ada@example.com"
WALLET = LinkedAccount("wallet", address="0x52908400098527886E0F7030069857D2E4169EE7")


@pytest.mark.parametrize("ending", ["a", "A-z_0", "x" * 128, "-", "_"])
def test_a_privy_id_of_the_allowed_letters_is_one(ending):
    assert is_privy_id("did:privy:" + ending)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "did:privy:",
        "did:privy:" + "x" * 129,
        "did:privy:a b",
        "did:privy:a\n",
        "DID:PRIVY:a",
        "privy:a",
        "did:privy:ä",
        " did:privy:a",
        "did:privy:a\x00",
        "did:privy:a:b",
        "did:key:a",
        "did:privy:\uff41",
        "did:privy:٣",
    ],
)
def test_anything_else_is_none(text):
    assert not is_privy_id(text)


def test_controls_are_taken_out_and_spaces_folded():
    assert without_controls(" Ada\x00\x1b[31m\u202eLove\u200blace \t\n ") == "Ada [31m Love lace"
    assert without_controls("\ud800\x07") == ""


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ada@Example.COM", ADA),
        (" ada@example.com\n", ADA),
        ("jürgen@exämple.de", "jürgen@exämple.de"),
        ("a+b@c.d", "a+b@c.d"),
    ],
)
def test_an_email_is_kept_in_one_form(written, kept):
    assert normalised_email(written) == kept


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@exa mple.com",
        "a@b@c.d",
        "ada@.com",
        "ada@example.com.",
        "ada@example..com",
        "ada\x00@example.com",
        "ada\u200b@example.com",
        "a" * 65 + "@example.com",
        "a@" + "b" * 320 + ".c",
        "0x52908400098527886E0F7030069857D2E4169EE7",
    ],
)
def test_what_is_no_email_is_none(text):
    assert normalised_email(text) is None


@pytest.mark.parametrize(
    "text", ["mi\u212ae@example.com", "\uff41da@example.com", "ada@example\uff0ecom", "ﬁ@example.com"]
)
def test_a_look_alike_is_never_folded_into_somebody_elses_mailbox(text):
    assert normalised_email(text) is None


@pytest.mark.parametrize("kind", ["email", "google_oauth", "apple_oauth"])
def test_a_signed_entry_of_three_types_proves_an_email(kind):
    entry = LinkedAccount(kind, address=ADA) if kind == "email" else LinkedAccount(kind, email="ADA@example.com")
    assert verified_email((WALLET, entry)) == ADA


@pytest.mark.parametrize(
    "kind",
    ["github_oauth", "discord_oauth", "twitter_oauth", "wallet", "phone", "custom_auth", "google", "Email", "unknown"],
)
def test_no_other_type_proves_an_email(kind):
    assert verified_email((LinkedAccount(kind, address=ADA, email=ADA, username=ADA, subject=ADA, name=ADA),)) is None


def test_the_first_proven_email_counts_and_an_entry_without_one_is_passed_over():
    assert verified_email((LinkedAccount("email"), LinkedAccount("google_oauth", email="a@b.c"))) == "a@b.c"
    assert verified_email(()) is None


def test_a_claim_is_the_bodys_field_first_and_a_wallet_is_none():
    accounts = (WALLET, LinkedAccount("wallet", address=ADA), LinkedAccount("github_oauth", email="gh@example.com"))
    assert claimed_email("Me@example.com", accounts) == "me@example.com"
    assert claimed_email("no mail", accounts) == "gh@example.com"
    assert claimed_email(None, accounts[:2]) is None


def test_only_an_entry_of_type_phone_names_a_number():
    assert (
        phone_of((LinkedAccount("email", phone_number="+1"), LinkedAccount("phone", phone_number=" +1 555\x00")))
        == "+1 555"
    )
    assert phone_of((LinkedAccount("phone"), LinkedAccount("phone", phone_number="9" * 33))) is None


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("email", "email"),
        ("phone", "phone"),
        ("google_oauth", "google"),
        ("github_oauth", "github"),
        ("github", "github"),
        ("wallet", "wallet"),
        ("smart_wallet", "wallet"),
        ("apple_oauth", "apple"),
        ("twitter_oauth", "twitter"),
        ("discord_oauth", "discord"),
        ("farcaster", "farcaster"),
        ("passkey", "passkey"),
        ("telegram", "other"),
        ("", "other"),
    ],
)
def test_the_method_is_one_of_the_contracts_words(kind, method):
    assert auth_method((LinkedAccount(kind),)) == method


def test_the_first_entry_of_a_known_type_names_the_method():
    assert auth_method((LinkedAccount("telegram"), LinkedAccount("phone"), LinkedAccount("email"))) == "phone"
    assert auth_method(()) == "other"


def test_a_repr_shows_nothing_personal():
    shown = repr(LinkedAccount("email", ADA, ADA, "sub", "Ada", "ada", "+1555"))
    assert shown == "LinkedAccount(type='email')"
