"""The keys that an operator gives in PRIVY_VERIFICATION_KEY."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.support.forgeries import Signer, compact
from tests.support.manual_clock import ManualClock
from tests.support.seeded_entropy import SeededEntropy

from gatewayz_auth.adapters.privy.key_set import KeySet, UnusableKeysError, read_jwks, read_pem
from gatewayz_auth.adapters.privy.signing_keys import SigningKeys
from gatewayz_auth.domain.errors import SettingsError

ONE, TWO = Signer(), Signer()


def pem_of(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    "text",
    [
        ONE.public_pem + TWO.public_pem,
        ONE.public_pem.strip() + "\n\n" + TWO.public_pem,
        (ONE.public_pem + TWO.public_pem).replace("\n", "\\n"),
        (ONE.public_pem + TWO.public_pem).replace("\n", "\\r\\n"),
        (ONE.public_pem + TWO.public_pem).replace("\n", "\r\n"),
        (ONE.public_pem + TWO.public_pem).replace("\n", " "),
        (ONE.public_pem + TWO.public_pem).replace("\n", ""),
    ],
    ids=["one after another", "empty line", "literal \\n", "literal \\r\\n", "\\r\\n", "blanks", "nothing between"],
)
def test_several_keys_are_read_however_the_environment_broke_their_lines(text):
    expected = KeySet({}, (ONE.key.public_key(), TWO.key.public_key()))
    assert KeySet({}, read_pem(text)).is_same(expected)


PRIVATE = ONE.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
CURVELESS = ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no PEM block"),
        ("hello", "no PEM block"),
        (ONE.public_pem + "rest", "no PEM block"),
        (ONE.public_pem[:60], "no PEM block"),
        (ONE.public_pem.replace("M", "*", 1), "cannot be read"),
        (ONE.public_pem.replace("\n", "\nAAAA", 1), "cannot be read"),
        (PRIVATE, "private key"),
        (ONE.public_pem + PRIVATE, "private key"),
        (ONE.public_pem.replace("PUBLIC KEY", "CERTIFICATE"), "no public key"),
        (pem_of(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (pem_of(ec.generate_private_key(ec.SECP256K1())), "P-256"),
        (pem_of(rsa.generate_private_key(65537, 2048)), "P-256"),
        (pem_of(CURVELESS), "P-256"),
        (ONE.public_pem * 9, "more than 8"),
    ],
    ids=range(14),
)
def test_what_is_no_public_key_on_p256_is_refused_by_name_and_never_printed(text, problem):
    with pytest.raises(SettingsError, match=problem) as refused:
        read_pem(text)
    message = str(refused.value)
    assert message.startswith("PRIVY_VERIFICATION_KEY ")
    assert not any(line in message for line in text.splitlines() if line and "-----" not in line and line != "rest")


def test_a_service_without_any_source_of_keys_is_refused_at_start(tmp_path):
    with pytest.raises(SettingsError, match=r"PRIVY_VERIFICATION_KEY.*PRIVY_JWKS_URL"):
        SigningKeys(pem=None, jwks_url=None, state_dir=tmp_path, clock=ManualClock(), entropy=SeededEntropy())


def test_keys_for_others_are_left_out_of_a_set_and_ours_are_taken():
    entries = [ONE.jwk(), {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, TWO.jwk(kid="e", use="enc"), None, 7]
    assert read_jwks(compact({"keys": entries, "more": True})).named.keys() == {"the-key"}
    with pytest.raises(UnusableKeysError):
        read_jwks(compact({"keys": entries[1:]}))
