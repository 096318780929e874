"""The keyring: what it makes it opens for its owner alone, and what it cannot vouch for it keeps."""

import dataclasses
import hashlib
import pickle
import traceback
import uuid

import pytest

from gatewayz_auth.adapters.keyring import Keyring
from gatewayz_auth.domain import api_keys
from gatewayz_auth.domain.errors import KeyNotOpened, NotKnown, SettingsError
from gatewayz_auth.domain.sign_in import StoredKey
from gatewayz_auth.reliability.entropy import SystemEntropy

A, B, C = ("made-up-secret-" + letter * 20 for letter in "abc")
USER = 42


def ring(*secrets):
    return Keyring(secrets, SystemEntropy())


def stored(new, user_id=USER, **changes):
    """The row that the one statement makes of a new key."""
    row = StoredKey(
        key_id=new.key_id,
        environment_tag=new.environment_tag,
        prefix=new.prefix,
        digest_key_id=new.digest_key_id,
        sealed=new.sealed,
        owner_tag=hashlib.sha256(new.owner_secret + user_id.to_bytes(8, "big")).digest(),
    )
    return dataclasses.replace(row, **changes)


@pytest.mark.parametrize("tag", ["live", "test", "development"])
def test_a_minted_key_opens_for_its_owner_and_is_found_by_its_digest(tag):
    keyring = ring(A)
    new = keyring.mint(tag)
    api_key = keyring.open(stored(new), USER)
    assert api_keys.tag_of(api_key) == tag
    assert new.prefix == api_keys.shown_prefix(api_key)
    assert keyring.digests(api_key) == [(new.digest_key_id, new.digest)]
    assert new.key_id.version == 4


def test_no_two_keys_share_anything():
    keyring = ring(A)
    made = [keyring.mint("live") for _ in range(200)]
    for field in ("key_id", "digest", "sealed", "owner_secret"):
        assert len({getattr(new, field) for new in made}) == 200
    assert len({new.sealed[9:21] for new in made}) == 200
    letters = set("".join(keyring.open(stored(new), USER)[8:38] for new in made))
    assert letters == set(api_keys.ALPHABET)


def test_every_byte_of_a_sealed_copy_counts():
    keyring = ring(A)
    row = stored(keyring.mint("live"))
    for index in range(len(row.sealed)):
        altered = bytearray(row.sealed)
        altered[index] ^= 1
        with pytest.raises(KeyNotOpened):
            keyring.open(dataclasses.replace(row, sealed=bytes(altered)), USER)
    for length in range(len(row.sealed)):
        with pytest.raises(KeyNotOpened):
            keyring.open(dataclasses.replace(row, sealed=row.sealed[:length]), USER)


def test_a_key_that_was_moved_or_relabelled_does_not_open():
    keyring = ring(A)
    mine, other, test = keyring.mint("live"), keyring.mint("live"), keyring.mint("test")
    moved = {
        "another row": (stored(mine, key_id=other.key_id), USER),
        "another row's seal": (stored(mine, sealed=other.sealed), USER),
        "another owner": (stored(mine), USER + 1),
        "another owner's tag": (stored(mine, owner_tag=stored(mine, USER + 1).owner_tag), USER),
        "another key's tag": (stored(mine, owner_tag=stored(other).owner_tag), USER),
        "no owner tag": (stored(mine, owner_tag=b""), USER),
        "another environment": (stored(test, environment_tag="live"), USER),
        "another prefix": (stored(mine, prefix=other.prefix), USER),
        "an owner that cannot be": (stored(mine), -1),
        "an owner too large": (stored(mine), 2**64),
    }
    for name, (row, user_id) in moved.items():
        with pytest.raises(NotKnown):
            pytest.fail(f"{name}: {bool(keyring.open(row, user_id))}")


def test_older_secrets_still_open_and_the_newest_seals():
    old = ring(A).mint("live")
    rotated = ring(B, A)
    api_key = rotated.open(stored(old), USER)
    assert rotated.digests(api_key)[1] == (old.digest_key_id, old.digest)
    assert rotated.mint("live").digest_key_id == rotated.key_ids[0] != old.digest_key_id
    with pytest.raises(KeyNotOpened, match="API_KEY_SECRET"):
        ring(B, C).open(stored(old), USER)


def test_resealing_keeps_the_key_and_its_owner_and_leaves_the_old_secret_behind():
    old = ring(A).mint("live")
    rotated = ring(B, A)
    assert rotated.needs_resealing(stored(old))
    assert not ring(A, B).needs_resealing(stored(old))
    fresh = rotated.reseal(stored(old), USER)
    assert rotated.needs_resealing(stored(old, sealed=fresh.sealed))
    assert rotated.needs_resealing(stored(old, digest_key_id=fresh.digest_key_id))
    row = stored(old, sealed=fresh.sealed, digest_key_id=fresh.digest_key_id)
    assert not rotated.needs_resealing(row)
    api_key = ring(B).open(row, USER)
    assert api_key == ring(A).open(stored(old), USER)
    assert (fresh.digest_key_id, fresh.digest) == ring(B).digests(api_key)[0]
    assert stored(fresh).owner_tag == stored(old).owner_tag
    with pytest.raises(KeyNotOpened):
        rotated.reseal(stored(old), USER + 1)


def test_the_derived_keys_differ_by_purpose_and_secret_and_never_change_between_versions():
    keyring = ring(A, B)
    assert [key_id for key_id, _ in keyring.cache_keys] == list(keyring.key_ids)
    assert keyring.cache_key() == keyring.cache_keys[0][1] != keyring.cache_key(1)
    secrets = keyring._ring
    assert len({key for s in secrets for key in (s.digest_key, s.cache_key, s.canary_key)}) == 6
    assert keyring.key_ids[0] == "6c70874b817d0f8e"
    assert hashlib.sha256(keyring.cache_key()).hexdigest()[:16] == "46f0ceda5119c04a"
    assert keyring.digests(api_keys.compose("live", "0" * 30))[0][1].hex()[:16] == "911e70c5eb93bedb"


def test_a_wrong_keyring_is_noticed_by_its_canary():
    canary = ring(A).canary()
    assert ring(A).opens_canary(canary)
    assert ring(B, A).opens_canary(canary)
    assert not ring(B).opens_canary(canary)
    for wrong in (b"", b"\x01", canary[:-1], canary + b"\x00", b"\x02" + canary[1:], canary[:-1] + b"\x00\x00"):
        assert not ring(A).opens_canary(wrong)


def test_a_ring_without_secrets_is_refused_at_start():
    with pytest.raises(SettingsError, match="API_KEY_SECRET"):
        ring()


def test_nothing_secret_stands_in_a_repr_an_error_or_a_traceback():
    keyring = ring(A)
    new = keyring.mint("live")
    api_key = keyring.open(stored(new), USER)
    shown = repr(keyring) + repr(new) + str(new) + repr(keyring._ring)
    for row, user_id in (
        (stored(new), 7),
        (stored(new, prefix="gw_live_zzzz"), USER),
        (stored(new, sealed=b"x"), USER),
    ):
        with pytest.raises(KeyNotOpened) as caught:
            keyring.open(row, user_id)
        shown += "".join(traceback.format_exception(caught.value)) + str(caught.value)
        assert caught.value.key_id == new.key_id
        assert caught.value.code == "key_not_opened"
    for secret in (
        A,
        api_key,
        api_key[8:],
        new.owner_secret.hex(),
        keyring.cache_key().hex(),
        repr(keyring.cache_key()),
    ):
        assert secret not in shown
    with pytest.raises(TypeError):
        pickle.dumps(keyring)  # the ring cannot leave the process by accident


def test_ids_are_made_of_the_entropy_that_was_given():
    class Zeros(SystemEntropy):
        def secret_bytes(self, length):
            return bytes(length)

    new = Keyring((A,), Zeros()).mint("live")
    assert new.key_id == uuid.UUID("00000000-0000-4000-8000-000000000000")
    assert Keyring((A,), Zeros()).open(stored(new), USER) == api_keys.compose("live", "0" * 30)
