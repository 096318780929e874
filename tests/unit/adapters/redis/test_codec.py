"""A person survives the way to Redis and back exactly, and nobody else comes out."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.people import person
from tests.support.seeded_entropy import SeededEntropy

from gatewayz_auth.adapters.redis.codec import (
    MAX_VALUE_BYTES,
    Codec,
    last_known_good_key,
    person_from_dict,
    person_to_dict,
    privy_id_key,
    username_key,
)
from gatewayz_auth.adapters.redis.sealing import SERVICE_PURPOSE, Sealer, sealing_keys

SEALER = Sealer(sealing_keys(("s" * 32,), SERVICE_PURPOSE), SeededEntropy(1))
CODEC = Codec(SEALER)
ADA = "did:privy:ada"
KEY = privy_id_key(ADA)


def test_the_keys_are_those_of_the_contract():
    assert privy_id_key(ADA) == "auth:privy_id:did:privy:ada"
    assert username_key("ada") == "auth:username:ada"
    assert last_known_good_key(ADA) == "auth:last_known_good:did:privy:ada"


def test_two_spellings_of_one_username_stand_at_one_key():
    assert username_key("Ada") == username_key("ada")


@pytest.mark.parametrize(
    "remembered",
    [
        person(),
        person(tags=()),
        person(tags=("live", "test", "development")),
        person(display_name="Ädä 🦉", email=None, trial_expires_at=None, is_guest=True),
        person(as_of_s=1_700_000_000.123456),
    ],
)
def test_a_person_comes_back_exactly_as_they_went(remembered):
    assert CODEC.decode_for_privy_id(KEY, CODEC.encode(KEY, remembered), ADA) == remembered


def test_the_plain_form_is_plain_json():
    plain = orjson.loads(orjson.dumps(person_to_dict(person())))
    assert person_from_dict(plain) == person_from_dict(plain)
    assert plain["account"]["credits"] == "3.0001"


def test_nothing_personal_and_no_key_is_readable_in_a_value():
    value = CODEC.encode(KEY, person())
    for word in (b"ada", b"example.com", b"gw_live", b"sealed", b"Ada"):
        assert word not in value


def test_a_person_at_anothers_key_is_a_miss():
    eve = privy_id_key("did:privy:eve")
    assert CODEC.decode_for_privy_id(eve, CODEC.encode(eve, person()), "did:privy:eve") is None
    other = username_key("eve")
    assert CODEC.decode_for_username(other, CODEC.encode(other, person()), "eve") is None


def test_a_username_is_found_in_any_spelling():
    key = username_key("ADA")
    assert CODEC.decode_for_username(key, CODEC.encode(key, person()), "ADA").account.user_id == 7


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"account": 1}', b"\xff", b'{"account": {"x": 1}}'])
def test_content_of_another_shape_is_a_miss_even_when_it_is_sealed_by_us(content):
    assert CODEC.decode(KEY, SEALER.seal(KEY, content)) is None


@pytest.mark.parametrize("damage", [{"credits": "many"}, {"created_at": "soon"}, {"user_id": 1, "extra": 2}])
def test_a_damaged_field_is_a_miss(damage):
    plain = person_to_dict(person())
    plain["account"] |= damage
    assert CODEC.decode(KEY, SEALER.seal(KEY, orjson.dumps(plain))) is None


@given(st.one_of(st.none(), st.integers(), st.text(), st.binary(max_size=100), st.builds(ValueError)))
def test_whatever_redis_says_is_never_an_error(reply):
    assert CODEC.decode_for_privy_id(KEY, reply, ADA) is None


def test_a_value_that_would_be_too_long_is_not_written_and_not_read():
    assert CODEC.encode(KEY, person(display_name="x" * MAX_VALUE_BYTES)) is None
    assert CODEC.decode(KEY, b"\x01" * (MAX_VALUE_BYTES + 1)) is None
