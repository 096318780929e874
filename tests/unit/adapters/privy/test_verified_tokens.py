"""What may be remembered of a verified token, and for how long."""

import re

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

    def access_all(self, tokens, utc_now_s):
        self.calls += len(tokens)
        return self.verifier.access_all(tokens, utc_now_s)

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
    tokens = VerifiedTokens(counted, keys, max_entries=4)
    made = [SIGNER.token(access_claims(APP, NOW_S, sid=f"s{i}")) for i in range(9)]
    for token in made:
        tokens.access(token, NOW_S)
        assert tokens.entries <= 4
    for token in made[-3:]:
        tokens.access(token, NOW_S)
    assert (tokens.entries, counted.calls) == (3, 9)
    tokens.access(made[0], NOW_S)
    assert counted.calls == 10


def test_those_verified_together_get_what_each_would_get_alone_and_in_their_order(keys, counted):
    tokens = VerifiedTokens(counted, keys)
    seen, unseen = (SIGNER.token(access_claims(APP, NOW_S, sid=sid)) for sid in ("seen", "unseen"))
    tokens.access(seen, NOW_S)
    forged = [token for _, token in forgeries(SIGNER, APP, NOW_S)]
    asked = [token for forgery in forged for token in (seen, forgery, unseen)]
    together = tokens.access_all(asked, NOW_S)
    alone = VerifiedTokens(counted, keys)
    for token, outcome in zip(asked, together, strict=True):
        if token in forged:
            assert isinstance(outcome, TokenNotAccepted)
            with pytest.raises(TokenNotAccepted, match=f"^{re.escape(str(outcome))}$"):
                alone.access(token, NOW_S)
        else:
            assert outcome == alone.access(token, NOW_S)
    assert tokens.entries == 2


def test_no_token_is_kept_in_clear(keys, counted):
    tokens = VerifiedTokens(counted, keys)
    token = SIGNER.token(access_claims(APP, NOW_S))
    tokens.access(token, NOW_S)
    assert all(
        isinstance(digest, bytes) and len(digest) == 32 for digest in (*tokens._access.newer, *tokens._access.older)
    )
