"""Referral codes: whoever reads one aloud or types it is understood, and nobody guesses one."""

import collections
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.seeded_entropy import SeededEntropy

from gatewayz_auth.domain import referral_codes as codes
from gatewayz_auth.reliability.entropy import SystemEntropy

DRAWN = st.text(codes.ALPHABET, min_size=codes.LENGTH, max_size=codes.LENGTH)
BLANKS = st.text(" \t\n\r", max_size=3)


@given(DRAWN, st.lists(BLANKS, min_size=9, max_size=9), st.data())
def test_case_and_blanks_never_make_another_code(code, blanks, data):
    letters = [data.draw(st.sampled_from((c, c.lower()))) for c in codes.compose(code)]
    written = "".join(blank + letter for blank, letter in zip(blanks, [*letters, ""], strict=True))
    assert codes.normalised(written) == code
    assert codes.normalised(codes.shown(code)) == code


@given(st.text())
def test_normalising_twice_changes_nothing_and_never_grows_beyond_the_column(text):
    code = codes.normalised(text)
    assert code is None or (0 < len(code) <= codes.MAX_LENGTH and codes.normalised(code) == code)


@given(st.text())
def test_what_may_be_a_code_is_letters_and_digits_alone(text):
    code = codes.normalised(text)
    if code is not None and codes.may_be_code(code):
        assert code.encode("ascii").isalnum()
        assert code == code.upper()


@given(DRAWN)
def test_every_code_of_ours_may_be_one(code):
    assert codes.may_be_code(codes.compose(code))


def test_nothing_in_the_alphabet_is_taken_for_another_and_no_words_come_about():
    assert len(set(codes.ALPHABET)) == len(codes.ALPHABET) == 28
    assert not set("01OIL") & set(codes.ALPHABET)
    assert not set("AEIOU") & set(codes.ALPHABET)


def test_a_guess_finds_one_of_a_million_codes_less_than_once_in_three_hundred_thousand():
    assert len(codes.ALPHABET) ** codes.LENGTH / 1_000_000 > 300_000
    assert codes.LENGTH * math.log2(len(codes.ALPHABET)) > 38


def test_drawn_codes_use_every_letter_at_every_place_about_alike():
    entropy = SystemEntropy()
    drawn = [codes.compose(entropy.token(codes.ALPHABET, codes.LENGTH)) for _ in range(2800)]
    for place in range(codes.LENGTH):
        counts = collections.Counter(code[place] for code in drawn)
        assert set(counts) == set(codes.ALPHABET)
        assert max(counts.values()) < 200  # 100 are expected: ten deviations
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("letters", ["", "K7QX2MP", "K7QX2MPBB", "k7qx2mpb", "K7QX2MPO", "K7QX2MP1"])
def test_a_code_is_made_of_its_alphabet_alone(letters):
    with pytest.raises(ValueError, match="alphabet"):
        codes.compose(letters)


@pytest.mark.parametrize("code", ["", "AB C", "AB-C", "ÄBC", "abc", "A" * 65, "AB\0", "🎉"])
def test_what_cannot_be_anybodys_code_is_known_without_asking(code):
    assert not codes.may_be_code(code)


def test_the_founding_documents_code_is_accepted_as_one():
    assert codes.may_be_code("ABC123")
    assert codes.normalised(" abc 123 ") == "ABC123"
    assert codes.normalised(None) is None
    assert codes.normalised(" \n ") is None


def test_the_same_seed_draws_the_same_code():
    assert SeededEntropy(7).token(codes.ALPHABET, 8) == SeededEntropy(7).token(codes.ALPHABET, 8)
