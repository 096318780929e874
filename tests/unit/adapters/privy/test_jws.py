"""The signature's numbers are judged before the library sees them."""

import pytest
from tests.support.forgeries import ORDER, b64, raw_signature

from gatewayz_auth.adapters.privy import jws
from gatewayz_auth.domain.errors import TokenNotAccepted


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (2**256 - 1, 1), (1, 2**256 - 1)])
def test_a_number_out_of_range_never_reaches_the_library(r, s):
    with pytest.raises(TokenNotAccepted, match="signature"):
        jws.der_signature(b64(raw_signature(r, s)))


@pytest.mark.parametrize(("r", "s"), [(1, 1), (ORDER - 1, ORDER - 1)])
def test_every_number_in_range_does(r, s):
    assert jws.der_signature(b64(raw_signature(r, s)))[0] == 0x30
