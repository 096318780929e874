"""What may be remembered of a verified token, and for how long."""

import pytest
from tests.support.forgeries import Signer, access_claims, forgeries, identity_claims

from gatewayz_auth.adapters.privy.tokens import PrivyTokens
from gatewayz_auth.adapters.privy.verified_tokens import VerifiedTokens
from gatewayz_auth.domain.errors import TokenNotAccepted

APP, NOW_S = "an-app", 1763900000.0
SIGNER = Signer()


class Keys:
    generation = 0

    def __init__(self):
        self.keys = (SIGNER.key.public_key(),)

    def candidates(self, _kid):
        return self.keys

    def missed(self, _kid):
        pass


class Counted:
    def __init__(self, verifier):
        self.verifier, self.calls = verifier, 0

    def access(self, token, utc_now_s):
        self.calls += 1
        return self.verifier.access(token, utc_now_s)

    def identity(self, token, utc_now_s):
        self.calls += 1
        return self.verifier.identity(token, utc_now_s)


@pytest.fixture
def keys():
    return Keys()


@pytest.fixture
def counted(keys):
    return Counted(PrivyTokens(keys, APP))


def test_a_repeated_token_is_verified_once_and_proves_the_same(keys, counted):
    tokens = VerifiedTokens(counted, keys)
    token, identity_token = SIGNER.token(access_claims(APP, NOW_S)), SIGNER.token(identity_claims(APP, NOW_S))
    assert len({tokens.access(token, NOW_S + i) for i in range(5)}) == 1
    assert len({tokens.identity(identity_token, NOW_S + i) for i in range(5)}) == 1
    assert (counted.calls, tokens.entries) == (2, 2)


def test_a_remembered_token_ends_with_its_expiry(keys, counted):
    tokens = VerifiedTokens(counted, keys)
    token = SIGNER.token(access_claims(APP, NOW_S, exp=int(NOW_S) + 10))
    tokens.access(token, NOW_S)
    tokens.access(token, NOW_S + 9.9)
    with pytest.raises(TokenNotAccepted, match="expired"):
        tokens.access(token, NOW_S + 10)
    assert tokens.entries == 0


def test_nothing_is_remembered_past_a_change_of_the_keys(keys, counted):
    tokens = VerifiedTokens(counted, keys)
    token = SIGNER.token(access_claims(APP, NOW_S))
    tokens.access(token, NOW_S)
    keys.keys, keys.generation = (Signer().key.public_key(),), 1
    with pytest.raises(TokenNotAccepted, match="signature"):
        tokens.access(token, NOW_S)
    assert tokens.entries == 0


def test_an_identity_token_that_was_seen_is_still_no_access_token_nor_the_reverse(keys, counted):
    tokens = VerifiedTokens(counted, keys)
    token, identity_token = SIGNER.token(access_claims(APP, NOW_S)), SIGNER.token(identity_claims(APP, NOW_S))
    tokens.access(token, NOW_S)
    tokens.identity(identity_token, NOW_S)
    with pytest.raises(TokenNotAccepted, match="session"):
        tokens.access(identity_token, NOW_S)
    with pytest.raises(TokenNotAccepted, match="linked_accounts"):
        tokens.identity(token, NOW_S)


def test_forgeries_are_refused_each_time_and_never_remembered(keys, counted):
    tokens = VerifiedTokens(counted, keys)
    tokens.access(SIGNER.token(access_claims(APP, NOW_S)), NOW_S)
    table = list(forgeries(SIGNER, APP, NOW_S))
    for _ in range(2):
        for _, token in table:
            with pytest.raises(TokenNotAccepted):
                tokens.access(token, NOW_S)
    assert tokens.entries == 1


def test_it_holds_a_bounded_number_and_the_oldest_goes_first(keys, counted):
    tokens = VerifiedTokens(counted, keys, max_entries=3)
    made = [SIGNER.token(access_claims(APP, NOW_S, sid=f"s{i}")) for i in range(5)]
    for token in made:
        tokens.access(token, NOW_S)
    assert (tokens.entries, counted.calls) == (3, 5)
    tokens.access(made[4], NOW_S)
    assert counted.calls == 5
    tokens.access(made[0], NOW_S)
    assert counted.calls == 6


def test_no_token_is_kept_in_clear(keys, counted):
    tokens = VerifiedTokens(counted, keys)
    token = SIGNER.token(access_claims(APP, NOW_S))
    tokens.access(token, NOW_S)
    assert all(isinstance(digest, bytes) and len(digest) == 32 for digest in tokens._access.proofs)
