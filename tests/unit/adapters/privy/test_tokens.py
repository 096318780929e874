"""Who is let in by a token, and who never is."""

import pytest
from tests.support.forgeries import (
    ADA,
    EVE,
    Signer,
    access_claims,
    compact,
    forgeries,
    good_access_tokens,
    identity_claims,
    identity_forgeries,
)

from gatewayz_auth.adapters.privy.key_set import KeySet
from gatewayz_auth.adapters.privy.tokens import MAX_HEADERS_REMEMBERED, REASONS, PrivyTokens
from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.domain.identity import LinkedAccount

APP = "clpispdty00ycl80fpueukbhl"
NOW_S = 1763900100.5
SIGNER = Signer()


class FixedKeys:
    """Keys that nobody refreshes; remembers what was missed."""

    def __init__(self, named=(), nameless=()):
        self.set = KeySet({signer.kid: signer.key.public_key() for signer in named}, tuple(nameless))
        self.missed_kids = []

    def candidates(self, kid):
        key = self.set.named.get(kid)
        return self.set.nameless if key is None else (key,)

    def missed(self, kid):
        self.missed_kids.append(kid)


def by_name():
    return PrivyTokens(FixedKeys(named=[SIGNER]), APP)


def by_pem():
    others = [Signer().key.public_key() for _ in range(2)]
    return PrivyTokens(FixedKeys(nameless=[*others, SIGNER.key.public_key()]), APP)


BOTH = pytest.mark.parametrize("verifier", [by_name(), by_pem()], ids=["by name", "by PEM"])
FORGERIES = list(forgeries(SIGNER, APP, NOW_S))
IDENTITY_FORGERIES = list(identity_forgeries(SIGNER, APP, NOW_S))
GOOD = list(good_access_tokens(SIGNER, APP, NOW_S))


def cases(table):
    return pytest.mark.parametrize("token", [token for _, token in table], ids=[name for name, _ in table])


def test_the_table_has_at_least_forty_forgeries_of_each_kind_and_no_name_twice():
    for table in (FORGERIES, IDENTITY_FORGERIES):
        names = [name for name, _ in table]
        assert len(names) >= 40
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_the_issuers_clock_may_be_half_a_minute_ahead_and_no_second_more(claim):
    by_name().access(SIGNER.token(access_claims(APP, NOW_S, **{claim: int(NOW_S) + 30})), NOW_S)
    with pytest.raises(TokenNotAccepted, match="not_yet_valid"):
        by_name().access(SIGNER.token(access_claims(APP, NOW_S, **{claim: int(NOW_S) + 31})), NOW_S)


@BOTH
@cases(FORGERIES)
def test_a_forged_access_token_is_refused_for_a_bounded_reason(verifier, token):
    with pytest.raises(TokenNotAccepted) as refused:
        verifier.access(token, NOW_S)
    assert refused.value.reason in REASONS
    assert str(refused.value) == f"token not accepted: {refused.value.reason}"


@BOTH
@cases(IDENTITY_FORGERIES)
def test_a_forged_identity_token_is_refused_for_a_bounded_reason(verifier, token):
    with pytest.raises(TokenNotAccepted) as refused:
        verifier.identity(token, NOW_S)
    assert refused.value.reason in REASONS


@BOTH
@cases(GOOD)
def test_what_is_legal_is_accepted(verifier, token):
    proof = verifier.access(token, NOW_S)
    assert proof.subject.startswith("did:privy:")
    assert proof.session_id == "cm3np4u9j001rc8b73seq0001"
    assert proof.expires_at_s > NOW_S


@pytest.mark.parametrize(
    ("reason", "names"),
    [
        ("too_long", ("8 KiB of letters", "64 KiB, well-formed and signed")),
        ("malformed", ("empty", "two parts", "four parts", "Cyrillic letter", "other spelling of the payload, signed")),
        ("header", ("crit", "jwk in the header, good key", "header algorithm twice", "kid null")),
        ("algorithm", ("algorithm none", "algorithm in lower case", "RS256", "HS256 with the PEM")),
        ("type", ("type missing", "type in lower case")),
        ("signature", ("foreign key", "swapped payload", "zero signature", "DER signature")),
        ("unknown_key", ("kid unknown, foreign key", "kid path, foreign key")),
        ("claims", ("payload subject twice", "expiry true", "expiry missing")),
        ("audience", ("other app", "app one of two")),
        ("issuer", ("issuer in capitals",)),
        ("subject", ("subject with a NUL", "subject of 129 characters")),
        ("session", ("session missing", "identity token as access token")),
        ("expired", ("expired a second ago", "expires now")),
        ("not_yet_valid", ("issued ten minutes from now", "not before ten minutes from now")),
    ],
)
def test_each_check_refuses_by_itself_and_not_by_luck_of_another(reason, names):
    table = dict(FORGERIES)
    for name in names:
        with pytest.raises(TokenNotAccepted) as refused:
            by_name().access(table[name], NOW_S)
        assert refused.value.reason == reason, name


def test_every_forgery_is_refused_again_after_good_tokens_have_been_seen():
    verifier = by_name()
    for _, token in GOOD:
        verifier.access(token, NOW_S)
    for name, token in FORGERIES:
        with pytest.raises(TokenNotAccepted):
            pytest.fail(f"{name}: {verifier.access(token, NOW_S)}")


def test_an_unknown_kid_is_told_to_the_keys_and_a_known_one_is_not_asked_elsewhere():
    keys = FixedKeys(named=[SIGNER])
    with pytest.raises(TokenNotAccepted, match="unknown_key"):
        PrivyTokens(keys, APP).access(SIGNER.token(access_claims(APP, NOW_S), kid="rotated"), NOW_S)
    assert keys.missed_kids == ["rotated"]


def test_a_named_key_alone_is_tried_even_where_a_nameless_one_would_fit():
    stranger = Signer(kid=SIGNER.kid)
    keys = FixedKeys(named=[SIGNER], nameless=[stranger.key.public_key()])
    with pytest.raises(TokenNotAccepted, match="signature"):
        PrivyTokens(keys, APP).access(stranger.token(access_claims(APP, NOW_S)), NOW_S)


def test_headers_of_forgers_are_never_remembered_and_those_of_the_issuer_are_bounded():
    verifier = by_pem()
    for index in range(MAX_HEADERS_REMEMBERED * 2):
        with pytest.raises(TokenNotAccepted):
            verifier.access(Signer(kid=f"k{index}").token(access_claims(APP, NOW_S)), NOW_S)
    assert not verifier._headers
    for index in range(MAX_HEADERS_REMEMBERED * 2):
        verifier.access(SIGNER.token(access_claims(APP, NOW_S), kid=f"k{index}"), NOW_S)
    assert 0 < len(verifier._headers) <= MAX_HEADERS_REMEMBERED


def test_an_identity_token_proves_its_accounts_whether_they_are_a_list_or_a_string():
    entries = [
        {"type": "email", "address": "ada@example.com", "lv": 1763900002},
        {"type": "phone", "phoneNumber": "+15550100099"},
        {"type": "github_oauth", "subject": "583231", "username": "oc\u0000to"},
        {"type": "brand_new_kind", "name": "Ada\u202e L."},
    ]
    expected = (
        LinkedAccount("email", address="ada@example.com"),
        LinkedAccount("phone", phone_number="+15550100099"),
        LinkedAccount("github_oauth", subject="583231", username="oc to"),
        LinkedAccount("brand_new_kind", name="Ada L."),
    )
    for claim in (entries, compact(entries)):
        proof = by_name().identity(SIGNER.token(identity_claims(APP, NOW_S, linked_accounts=claim)), NOW_S)
        assert proof.subject == ADA
        assert proof.linked_accounts == expected


def test_an_entry_that_cannot_be_read_proves_nothing_and_locks_nobody_out():
    entries = [
        None, 7, "email", [], {}, {"type": None}, {"type": ""}, {"type": 3},
        {"type": "em\u0000ail", "address": "e@x.org"},
        {"type": "email", "address": ["eve@example.com"]},
        {"type": "email", "address": "ada\u200b@example.com"},
        {"type": "email", "address": "\u0000ada@example.com"},
        {"type": "phone", "phone_number": 15550100099},
        {"type": "google_oauth", "email": "grace@example.com", "name": {"first": "G"}},
    ]  # fmt: skip
    proof = by_name().identity(SIGNER.token(identity_claims(APP, NOW_S, linked_accounts=entries)), NOW_S)
    assert proof.linked_accounts == (
        LinkedAccount("email"),
        LinkedAccount("email"),
        LinkedAccount("email"),
        LinkedAccount("phone"),
        LinkedAccount("google_oauth", email="grace@example.com"),
    )


def test_a_token_is_good_to_the_second_of_its_expiry_and_not_a_moment_longer():
    token = SIGNER.token(access_claims(APP, NOW_S, exp=2000000000))
    verifier = by_name()
    assert verifier.access(token, 1999999999.999).expires_at_s == 2000000000.0
    with pytest.raises(TokenNotAccepted, match="expired"):
        verifier.access(token, 2000000000.0)


def test_tokens_of_another_subject_are_never_confused():
    verifier = by_name()
    assert verifier.access(SIGNER.token(access_claims(APP, NOW_S)), NOW_S).subject == ADA
    assert verifier.access(SIGNER.token(access_claims(APP, NOW_S, sub=EVE)), NOW_S).subject == EVE
