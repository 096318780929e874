"""Whatever somebody is called, the username may stand in a log line and is the same when it is folded again."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import assume, example, given
from hypothesis import strategies as st

from gatewayz_auth.domain.users import folded_username, username_from

SPARE = "abcdefgh23"
FALLBACK = "user_" + SPARE
texts = st.text(max_size=60)
separators = st.sampled_from(["", " ", "-", ".", "_", "(", ") ", "\u00a0", "\u2011"])


@st.composite
def phones(draw):
    digits = draw(st.text("0123456789", min_size=6, max_size=15))
    return draw(st.sampled_from(["", "+", "00", "tel:"])) + "".join(digit + draw(separators) for digit in digits)


@st.composite
def wallets(draw):
    body = draw(st.text("0123456789abcdefABCDEF", min_size=40, max_size=40))
    base58 = draw(st.text("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", min_size=32, max_size=44))
    return draw(
        st.sampled_from(["0x" + body, body, f"0x{body[:4]}…{body[-4:]}", f"0x{body[:6]}...{body[-4:]}", base58])
    )


@given(texts)
@example("ꭰꭰ")
@example("İİ")
@example("ΣΑΣ")
def test_folding_twice_changes_nothing(text):
    folded = folded_username(text)
    assert folded_username(folded) == folded
    assert unicodedata.is_normalized("NFKC", folded)


@given(texts)
def test_case_and_width_make_no_other_username(text):
    assert folded_username(text.upper()) == folded_username(text.upper().lower().upper())
    assert folded_username(unicodedata.normalize("NFKC", text)) == folded_username(text)


@given(texts)
@example("aⅷ" * 16)
def test_every_username_may_stand_in_a_log_line(text):
    username = username_from(text, SPARE)
    assert 2 <= len(username) <= 32
    assert re.fullmatch(r"[\w.-]+", username)
    assert username.isprintable()
    assert folded_username(username) == username


@given(texts)
def test_a_username_asked_for_again_is_itself(text):
    username = username_from(text, SPARE)
    assume(username != FALLBACK)
    assert username_from(username, "other") == username


@given(texts, texts)
def test_nothing_with_an_at_sign_becomes_a_username(before, after):
    assert username_from(f"{before}@{after}", SPARE) == FALLBACK


@given(st.emails())
def test_no_email_becomes_a_username(email):
    assert username_from(email, SPARE) == FALLBACK


@given(phones())
def test_no_phone_number_becomes_a_username(phone):
    assert username_from(phone, SPARE) == FALLBACK


@given(wallets())
def test_no_wallet_becomes_a_username(wallet):
    assert username_from(wallet, SPARE) == FALLBACK
