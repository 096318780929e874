"""Whatever a token or a body says, the rules about who calls hold."""

# ruff: noqa: RUF001 - look-alikes are what is tested

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from gatewayz_auth.domain.identity import (
    VERIFIED_EMAIL_TYPES,
    LinkedAccount,
    auth_method,
    is_privy_id,
    normalised_email,
    verified_email,
    without_controls,
)

METHODS = set("email phone google github wallet apple twitter discord farcaster passkey other".split())  # noqa: SIM905
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
emails = st.emails() | st.from_regex(r"\A[^@\s]{1,20}@[^@\s.]{1,10}\.[^@\s.]{1,5}\Z") | texts
accounts = st.builds(
    LinkedAccount,
    type=st.sampled_from([*VERIFIED_EMAIL_TYPES, "phone", "wallet", "github_oauth", "custom_auth"]) | texts,
    address=st.none() | emails,
    email=st.none() | emails,
    name=st.none() | texts,
    username=st.none() | texts,
    phone_number=st.none() | texts,
)


@given(texts)
def test_a_privy_id_is_plain_ascii_and_bounded(text):
    if is_privy_id(text):
        assert text.isascii()
        assert text.isprintable()
        assert len(text) <= 138


@given(st.from_regex(r"\Adid:privy:[A-Za-z0-9_-]{1,128}\Z"))
def test_every_well_formed_privy_id_is_accepted_and_none_with_a_tail(text):
    assert is_privy_id(text)
    assert not is_privy_id(text + "\n")


@given(emails)
@example("İ@example.com")
@example("ı\u0307@example.com")
def test_a_kept_email_is_in_one_form_and_keeping_it_again_changes_nothing(text):
    kept = normalised_email(text)
    if kept is not None:
        assert normalised_email(kept) == kept
        assert unicodedata.is_normalized("NFKC", kept)
        assert kept == kept.lower()
        assert len(kept) <= 320
        assert not any(unicodedata.category(c).startswith("C") for c in kept)


@given(emails)
def test_keeping_an_email_never_turns_another_letter_into_an_ascii_one(text):
    kept = normalised_email(text)
    if kept is not None and kept.isascii():
        assert text.strip().isascii()


@given(st.lists(accounts, max_size=6).map(tuple))
def test_a_proven_email_always_comes_from_an_entry_of_an_allowed_type(signed):
    proven = verified_email(signed)
    possible = {
        normalised_email(text)
        for account in signed
        if account.type in {"email", "google_oauth", "apple_oauth"}
        for text in (account.address, account.email)
    }
    assert proven is None or proven in possible


@given(st.lists(accounts, max_size=6).map(tuple))
def test_the_method_is_always_one_of_the_contracts_words(linked):
    assert auth_method(linked) in METHODS


@given(texts)
def test_display_data_has_no_control_character_and_taking_out_twice_changes_nothing(text):
    shown = without_controls(text)
    assert not any(unicodedata.category(c).startswith("C") for c in shown)
    assert without_controls(shown) == shown
    shown.encode("utf-8")
