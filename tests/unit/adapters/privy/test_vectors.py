"""Vectors that nobody here wrote: ECDSA and JWS cases of Wycheproof."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gatewayz_auth.adapters.privy import header, jws
from gatewayz_auth.adapters.privy.key_set import UnusableKeysError, read_jwks
from gatewayz_auth.domain.errors import TokenNotAccepted

VECTORS = Path(__file__).parents[5] / "shared" / "vectors"


def groups(name):
    path = VECTORS / name
    if not path.exists():
        pytest.skip("the vectors are not there (../shared/vectors)")
    return json.loads(path.read_text())["testGroups"]


def is_valid(token, keys):
    """What a verifier of ES256 says of any JWS: header and signature, before a claim is looked at."""
    try:
        compact = jws.Compact(token, 16384)
        read = header.read(compact.head)
        candidates = [keys.named[read.kid]] if read.kid in keys.named else keys.nameless
        signature = jws.der_signature(compact.tail)
        jws.payload(compact.body)
    except TokenNotAccepted:
        return False
    return jws.is_signed(compact.signed, signature, candidates)


def test_every_ecdsa_signature_is_judged_as_the_vectors_do():
    judged = {"valid": 0, "invalid": 0}
    for group in groups("ecdsa_secp256r1_sha256_p1363_test.json"):
        key = load_pem_public_key(group["publicKeyPem"].encode())
        for case in group["tests"]:
            segment = base64.urlsafe_b64encode(bytes.fromhex(case["sig"])).rstrip(b"=").decode()
            try:
                digest = hashlib.sha256(bytes.fromhex(case["msg"])).digest()
                accepted = jws.is_signed(digest, jws.der_signature(segment), [key])
            except TokenNotAccepted:
                accepted = False
            assert accepted == (case["result"] == "valid"), (case["tcId"], case["comment"])
            judged[case["result"]] += 1
    assert judged == {"valid": 173, "invalid": 89}


def test_every_es256_jws_is_judged_as_the_vectors_do_and_all_others_are_refused():
    accepted, all_cases = [], 0
    for group in groups("json_web_signature_test.json"):
        ours = group["comment"] in {"es256", "SpecialCaseEs256"}
        public = group.get("public") or group["private"]
        try:
            keys = read_jwks(json.dumps({"keys": [public]}))
        except UnusableKeysError:
            assert not ours
            keys = None
        for case in group["tests"]:
            all_cases += 1
            token = case["jws"] if isinstance(case["jws"], str) else json.dumps(case["jws"])
            valid = keys is not None and is_valid(token, keys)
            assert valid == (ours and case["result"] == "valid"), (case["tcId"], case["comment"])
            accepted += [case["tcId"]] * valid
    assert all_cases == 401
    assert accepted == [18, 378]
