"""The signature's own DER against the library's, for every shape that two numbers can have."""

import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.support.forgeries import b64

from gatewayz_auth.adapters.privy import jws

SHAPES = (1, 0x7F, 0x80, 0xFFFF, 1 << 240, (1 << 248) - 1, 1 << 248, 0x7F << 248, 0x80 << 248, jws.ORDER - 1)


@pytest.mark.parametrize(("r", "s"), list(itertools.product(SHAPES, SHAPES)))
def test_a_signature_is_written_as_the_library_writes_it(r, s):
    segment = b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    assert jws.der_signature(segment) == encode_dss_signature(r, s)
