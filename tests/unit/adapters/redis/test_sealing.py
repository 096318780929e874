"""Nobody without the secret reads, makes, alters or moves a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.seeded_entropy import SeededEntropy

from gatewayz_auth.adapters.redis.sealing import (
    LIBRARY_PURPOSE,
    OVERHEAD_BYTES,
    SERVICE_PURPOSE,
    Sealer,
    sealing_keys,
)

KEY = "auth:privy_id:did:privy:ada"
NEW, OLD = "n" * 32, "o" * 32


def sealer(*secrets, purpose=SERVICE_PURPOSE):
    return Sealer(sealing_keys(secrets or (NEW,), purpose), SeededEntropy(1))


@given(st.binary(max_size=300), st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_what_was_sealed_opens_at_its_own_key(content, name):
    ours = sealer()
    value = ours.seal(name, content)
    assert ours.open(name, value) == content
    assert len(value) == len(content) + OVERHEAD_BYTES


def test_a_value_copied_to_another_key_does_not_open():
    ours = sealer()
    assert ours.open("auth:privy_id:did:privy:eve", ours.seal(KEY, b"ada")) is None


def test_no_single_bit_may_change():
    ours = sealer()
    value = ours.seal(KEY, b"ada")
    for index in range(len(value)):
        for bit in range(8):
            altered = bytearray(value)
            altered[index] ^= 1 << bit
            assert ours.open(KEY, bytes(altered)) is None


def test_every_shortened_or_lengthened_value_is_refused():
    ours = sealer()
    value = ours.seal(KEY, b"ada")
    assert all(ours.open(KEY, value[:end]) is None for end in range(len(value)))
    assert ours.open(KEY, value + b"\x00") is None


@given(st.binary(max_size=200))
def test_garbage_never_opens_and_is_never_an_error(garbage):
    assert sealer().open(KEY, garbage) is None
    assert sealer().open(KEY, b"\x01" + garbage) is None


def test_an_older_secret_still_opens_and_the_newest_seals():
    before, after = sealer(OLD), sealer(NEW, OLD)
    assert after.open(KEY, before.seal(KEY, b"ada")) == b"ada"
    assert sealer(NEW).open(KEY, after.seal(KEY, b"ada")) == b"ada"
    assert before.open(KEY, after.seal(KEY, b"ada")) is None


def test_the_library_and_the_service_do_not_open_each_others_values():
    service, library = sealer(), sealer(purpose=LIBRARY_PURPOSE)
    assert library.open(KEY, service.seal(KEY, b"ada")) is None
    assert service.open(KEY, library.seal(KEY, b"ada")) is None


def test_the_same_content_never_looks_the_same_twice():
    ours = sealer()
    assert len({ours.seal(KEY, b"ada") for _ in range(50)}) == 50


@pytest.mark.parametrize("keys", [(), (b"short",), (b"x" * 32, b"")])
def test_sealing_without_a_proper_key_is_refused_at_once(keys):
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys, SeededEntropy(1))
