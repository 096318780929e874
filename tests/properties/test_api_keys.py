"""Whatever happens to a key or its row, junk is told and nobody gets another's key."""

import dataclasses
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayz_auth.adapters.keyring import Keyring
from gatewayz_auth.domain import api_keys
from gatewayz_auth.domain.errors import KeyNotOpened
from gatewayz_auth.domain.sign_in import ENVIRONMENT_TAGS, StoredKey
from gatewayz_auth.reliability.entropy import SystemEntropy

RING = Keyring(("made-up-secret-of-thirty-two-chars!", "another-made-up-secret-of-32-chars!"), SystemEntropy())
KEYS = st.builds(
    api_keys.compose, st.sampled_from(ENVIRONMENT_TAGS), st.text(api_keys.ALPHABET, min_size=30, max_size=30)
)


def row_of(new, user_id):
    return StoredKey(
        new.key_id, new.environment_tag, new.prefix, new.digest_key_id, new.sealed,
        api_keys.owner_tag(new.owner_secret, user_id),
    )  # fmt: skip


@given(KEYS)
def test_every_composed_key_is_well_formed_and_shows_little(api_key):
    tag = api_keys.tag_of(api_key)
    assert api_key.startswith(api_keys.PREFIXES[tag])
    assert len(api_keys.shown_prefix(api_key)) == len(api_keys.PREFIXES[tag]) + 4


@given(KEYS, st.integers(0, 43), st.sampled_from(string.printable))
def test_one_wrong_character_is_always_told(api_key, place, letter):
    place %= len(api_key)
    mistyped = api_key[:place] + letter + api_key[place + 1 :]
    assert (api_keys.tag_of(mistyped) is None) == (mistyped != api_key)


@given(KEYS, st.integers(0, 42))
def test_two_swapped_neighbours_are_always_told(api_key, place):
    place %= len(api_key) - 1
    mistyped = api_key[:place] + api_key[place + 1] + api_key[place] + api_key[place + 2 :]
    assert (api_keys.tag_of(mistyped) is None) == (mistyped != api_key)


@given(st.text())
def test_no_text_makes_the_check_fail(text):
    assert api_keys.tag_of(text) is None


@given(st.sampled_from(ENVIRONMENT_TAGS), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_a_key_opens_for_its_owner_alone(tag, owner, other):
    row = row_of(RING.mint(tag), owner)
    assert api_keys.tag_of(RING.open(row, owner)) == tag
    if other != owner:
        with pytest.raises(KeyNotOpened):
            RING.open(row, other)


@given(st.binary(max_size=200))
def test_no_bytes_make_opening_fail_otherwise_than_said(sealed):
    row = dataclasses.replace(row_of(RING.mint("live"), 1), sealed=sealed)
    with pytest.raises(KeyNotOpened):
        RING.open(row, 1)
    assert not RING.opens_canary(sealed)
    assert RING.needs_resealing(row)
