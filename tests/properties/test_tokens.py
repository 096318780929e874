"""Whatever is done to a good token, it is refused."""

import base64
import contextlib
import json
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.forgeries import Signer, access_claims, b64, compact, identity_claims

from gatewayz_auth.adapters.privy import base64url, strict_json
from gatewayz_auth.adapters.privy.key_set import KeySet, UnusableKeysError, read_jwks
from gatewayz_auth.adapters.privy.tokens import REASONS, PrivyTokens
from gatewayz_auth.domain.errors import TokenNotAccepted

APP, NOW_S = "an-app", 1763900000.0
SIGNER = Signer()


class Keys:
    set = KeySet({SIGNER.kid: SIGNER.key.public_key()}, (SIGNER.key.public_key(),))

    def candidates(self, kid):
        key = self.set.named.get(kid)
        return self.set.nameless if key is None else (key,)

    def missed(self, kid):
        pass


TOKENS = PrivyTokens(Keys(), APP)
GOOD = SIGNER.token(access_claims(APP, NOW_S))
GOOD_IDENTITY = SIGNER.token(identity_claims(APP, NOW_S))
LETTERS = st.one_of(st.sampled_from(string.ascii_letters + string.digits + "-_.=+/ \n\x00"), st.characters())
PLACES = st.integers(0, 10**6)


def assert_refused(token):
    for prove in (TOKENS.access, TOKENS.identity):
        with pytest.raises(TokenNotAccepted) as refused:
            prove(token, NOW_S)
        assert refused.value.reason in REASONS


def test_the_tokens_that_are_mutated_here_are_good():
    TOKENS.access(GOOD, NOW_S)
    TOKENS.identity(GOOD_IDENTITY, NOW_S)


@given(st.sampled_from([GOOD, GOOD_IDENTITY]), st.lists(st.tuples(PLACES, LETTERS), min_size=1, max_size=4))
def test_a_token_with_other_characters_is_refused(token, changes):
    mutated = list(token)
    for place, letter in changes:
        mutated[place % len(mutated)] = letter
    assume("".join(mutated) != token)
    assert_refused("".join(mutated))


@given(st.sampled_from([GOOD, GOOD_IDENTITY]), PLACES, st.integers(1, 100))
def test_a_token_with_a_piece_cut_out_is_refused(token, place, length):
    place %= len(token)
    assert_refused(token[:place] + token[place + length :])


@given(st.sampled_from([GOOD, GOOD_IDENTITY]), PLACES, st.text(LETTERS, min_size=1, max_size=100))
def test_a_token_with_something_put_in_is_refused(token, place, text):
    place %= len(token) + 1
    assert_refused(token[:place] + text + token[place:])


@given(st.sampled_from([GOOD, GOOD_IDENTITY]), PLACES, PLACES)
def test_a_token_with_two_letters_swapped_is_refused(token, one, two):
    letters = list(token)
    one, two = one % len(letters), two % len(letters)
    assume(letters[one] != letters[two])
    letters[one], letters[two] = letters[two], letters[one]
    assert_refused("".join(letters))


@given(st.sampled_from([0, 1, 2]), PLACES, st.integers(0, 7))
def test_a_token_with_one_bit_flipped_in_any_part_is_refused(part, place, bit):
    parts = [bytearray(base64.urlsafe_b64decode(text + "==")) for text in GOOD.split(".")]
    parts[part][place % len(parts[part])] ^= 1 << bit
    assert_refused(".".join(b64(bytes(raw)) for raw in parts))


@given(st.permutations([*GOOD.split("."), *GOOD_IDENTITY.split(".")]), st.integers(0, 6))
def test_parts_of_two_tokens_put_together_are_refused(parts, count):
    token = ".".join(parts[:count])
    assume(token not in {GOOD, GOOD_IDENTITY})
    assert_refused(token)


@given(st.text(max_size=300))
def test_no_text_is_a_token(text):
    assert_refused(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["iss", "aud", "sub", "sid", "exp", "iat", "nbf", "linked_accounts", "cr"])
MEMBERS = st.sampled_from(["alg", "typ", "kid", "crit", "jwk", "x"])


@given(st.dictionaries(NAMES, JSON, max_size=4), st.dictionaries(MEMBERS, JSON, max_size=2))
def test_whatever_a_signed_token_says_it_is_accepted_as_the_person_it_names_or_refused(changes, head):
    token = SIGNER.token(access_claims(APP, NOW_S, **changes), **head)
    for prove in (TOKENS.access, TOKENS.identity):
        with contextlib.suppress(TokenNotAccepted):
            proof = prove(token, NOW_S)
            assert proof.subject == changes.get("sub", access_claims(APP, NOW_S)["sub"])
            assert changes.get("aud", APP) in (APP, [APP])
            assert changes.get("iss", "privy.io") == "privy.io"
            assert proof.expires_at_s > NOW_S
            assert head.get("alg", "ES256") == "ES256"
            assert not {"crit", "jwk"} & set(head)


@given(st.binary(max_size=60))
def test_base64url_has_one_spelling(raw):
    assert base64url.decode(base64url.encode(raw)) == raw
    assert base64url.encode(raw) == b64(raw)


@given(st.text(string.ascii_letters + string.digits + "-_=+/ \n", max_size=12))
def test_what_base64url_reads_it_would_write_the_same(text):
    with contextlib.suppress(ValueError):
        assert base64url.encode(base64url.decode(text)) == text


@given(JSON)
def test_strict_json_reads_what_was_written(value):
    for text in (compact(value), json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert strict_json.parse(text) == value
        assert strict_json.parse(text.encode()) == value


@given(st.binary(max_size=80))
def test_no_bytes_make_a_parser_fail_otherwise_than_said(raw):
    with contextlib.suppress(ValueError):
        strict_json.parse(raw)
    with pytest.raises(UnusableKeysError):
        read_jwks(raw)
