"""The contract's table of fields, to the letter."""

import json
from pathlib import Path

import pytest

from gatewayz_auth.domain.errors import RequestNotUnderstood, TokenNotAccepted
from gatewayz_auth.domain.identity import LinkedAccount
from gatewayz_auth.web.wire import parse

EXAMPLES = Path(__file__).parents[3].parent / "shared" / "spec" / "examples"
ID = "did:privy:ada"


def body(**changes):
    return {"token": "t", "user": {"id": ID, "created_at": 1, "linked_accounts": []}} | changes


def user(**changes):
    return body(user={"id": ID} | changes)


def read(value, **headers):
    return parse(value if isinstance(value, bytes) else json.dumps(value).encode(), **headers)


def pointers(value):
    with pytest.raises(RequestNotUnderstood) as caught:
        read(value)
    return [error.pointer for error in caught.value.errors]


def test_the_least_that_is_understood_is_a_token_and_who_it_is():
    request = read({"token": "t", "user": {"id": ID}})
    assert (request.token, request.privy_user_id) == ("t", ID)
    assert request.environment_tag == "live"
    assert request.auto_create_api_key is True
    assert request.linked_accounts == ()
    assert request.is_guest is False
    assert (request.identity_token, request.email, request.referral_code) == (None, None, None)


def test_null_counts_as_not_given_in_every_optional_field():
    names = ("privy_access_token", "identity_token", "email", "referral_code", "environment_tag", "auto_create_api_key")
    user_names = ("created_at", "linked_accounts", "mfa_methods", "has_accepted_terms", "is_guest")
    full = body(user={"id": ID} | dict.fromkeys(user_names)) | dict.fromkeys(names)
    assert read(full) == read({"token": "t", "user": {"id": ID}})


def test_unknown_fields_and_those_that_are_never_trusted_are_ignored():
    extra = {
        "is_new_user": "maybe",
        "privy_user_id": 7,
        "trial_credits": -1e9,
        "session_update_action": [],
        "refresh_token": {},
        "something": [[[]]],
    }
    assert read(body(**extra)) == read(body())


@pytest.mark.parametrize(
    ("value", "headers", "token"),
    [
        ({"token": "a", "privy_access_token": "b"}, {"authorization": b"Bearer c"}, "a"),
        ({"privy_access_token": "b"}, {"authorization": b"Bearer c"}, "b"),
        ({"token": "", "privy_access_token": None}, {"authorization": b"bearer  c "}, "c"),
    ],
)
def test_the_first_token_that_is_given_counts(value, headers, token):
    assert read(value | {"user": {"id": ID}}, **headers).token == token


@pytest.mark.parametrize("authorization", [None, b"", b"Bearer", b"Bearer ", b"Basic Zm9vOmJhcg==", b"\xff\xfe"])
def test_no_token_at_all_is_a_token_that_is_not_accepted(authorization):
    with pytest.raises(TokenNotAccepted) as caught:
        read({"user": {"id": ID}}, authorization=authorization)
    assert caught.value.reason == "missing"


def test_the_field_of_the_identity_token_comes_before_the_header():
    assert read(body(identity_token="a"), identity_header=b"b").identity_token == "a"
    assert read(body(), identity_header=b" b ").identity_token == "b"
    assert read(body(identity_token=""), identity_header=b"").identity_token is None


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\\ud800"}',
        b'{"a": "x\x00"}',
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        "{}".encode("utf-16"),
    ],
)
def test_what_is_not_json_in_utf8_is_not_understood_and_names_no_field(junk):
    assert pointers(junk) == []


@pytest.mark.parametrize("value", [[], "text", 7, None, True, [body()]])
def test_json_that_is_no_object_is_named_as_a_whole(value):
    assert pointers(value) == [""]


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (body(user=None), "/user"),
        (body(user=[]), "/user"),
        (body(user="did:privy:ada"), "/user"),
        (body(user={}), "/user/id"),
        (user(id=7), "/user/id"),
        (user(id="ada"), "/user/id"),
        (user(id="did:privy:"), "/user/id"),
        (user(id="did:privy:" + "a" * 129), "/user/id"),
        (user(id="did:privy:ada\n"), "/user/id"),
        (user(id="did:privy:ad\u0000a"), "/user/id"),
        (user(created_at="yesterday"), "/user/created_at"),
        (user(created_at=True), "/user/created_at"),
        (user(has_accepted_terms=1), "/user/has_accepted_terms"),
        (user(is_guest="false"), "/user/is_guest"),
        (user(mfa_methods={}), "/user/mfa_methods"),
        (user(mfa_methods=""), "/user/mfa_methods"),
        (user(mfa_methods="totp"), "/user/mfa_methods"),
        (user(mfa_methods=["totp", 7]), "/user/mfa_methods/1"),
        (user(mfa_methods=["totp"] * 101), "/user/mfa_methods"),
        (user(linked_accounts={}), "/user/linked_accounts"),
        (user(linked_accounts=[{"type": "email"}] * 101), "/user/linked_accounts"),
        (user(linked_accounts=["email"]), "/user/linked_accounts/0"),
        (user(linked_accounts=[{"type": "email"}, {}]), "/user/linked_accounts/1/type"),
        (user(linked_accounts=[{"type": None}]), "/user/linked_accounts/0/type"),
        (user(linked_accounts=[{"type": 7}]), "/user/linked_accounts/0/type"),
        (user(linked_accounts=[{"type": "email", "address": {}}]), "/user/linked_accounts/0/address"),
        (user(linked_accounts=[{"type": "email", "email": 1}]), "/user/linked_accounts/0/email"),
        (user(linked_accounts=[{"type": "email", "name": "x" * 1025}]), "/user/linked_accounts/0/name"),
        (user(linked_accounts=[{"type": "phone", "phoneNumber": 1}]), "/user/linked_accounts/0/phoneNumber"),
        (user(linked_accounts=[{"type": "email", "verified_at": "now"}]), "/user/linked_accounts/0/verified_at"),
        (user(linked_accounts=[{"type": "x", "latest_verified_at": []}]), "/user/linked_accounts/0/latest_verified_at"),
        (body(token=7), "/token"),
        ({"privy_access_token": [], "user": {"id": ID}}, "/privy_access_token"),
        (body(privy_access_token=7), "/privy_access_token"),
        (body(identity_token=7), "/identity_token"),
        (body(email=7), "/email"),
        (body(email="x" * 1025), "/email"),
        (body(referral_code=7), "/referral_code"),
        (body(referral_code="x" * 65), "/referral_code"),
        (body(environment_tag="prod"), "/environment_tag"),
        (body(environment_tag="LIVE"), "/environment_tag"),
        (body(environment_tag=["live"]), "/environment_tag"),
        (body(auto_create_api_key="true"), "/auto_create_api_key"),
        (body(auto_create_api_key=0), "/auto_create_api_key"),
    ],
)  # fmt: skip
def test_each_field_that_is_missing_or_wrong_is_named_by_its_pointer(value, pointer):
    assert pointer in pointers(value)
    assert len(pointers(value)) <= 2


def test_all_faults_are_named_together_and_a_missing_token_among_them():
    assert pointers({"user": {"id": 1, "is_guest": 2}, "email": 3}) == [
        "/token",
        "/user/id",
        "/user/is_guest",
        "/email",
    ]
    assert pointers({}) == ["/token", "/user"]


def test_the_number_of_faults_named_is_bounded():
    assert len(pointers(user(linked_accounts=[{"address": 1, "email": 2}] * 100))) == 50


def test_huge_integers_are_numbers_like_others():
    request = parse(b'{"token":"t","user":{"id":"did:privy:ada","created_at":' + b"9" * 300 + b"}}")
    assert request.privy_user_id == ID


def test_control_characters_are_taken_out_of_display_data_and_are_no_error():
    entry = {"type": "google_oauth", "name": "Gr\u0000ace\u200b  \u202eH.\ud83d\ude00", "username": "\u0007"}
    request = read(user(linked_accounts=[entry]) | {"email": "ada@\u0000example.com", "referral_code": "AB\u0000"})
    assert request.linked_accounts == (LinkedAccount("google_oauth", name="Gr ace H.\U0001f600"),)
    assert (request.email, request.referral_code) == ("ada@ example.com", "AB")


def test_both_spellings_of_a_phone_number_are_understood_and_the_first_counts():
    entries = [
        {"type": "phone", "phone_number": "+1"},
        {"type": "phone", "phoneNumber": "+2"},
        {"type": "phone", "phoneNumber": "+3", "phone_number": "+4"},
    ]
    numbers = [account.phone_number for account in read(user(linked_accounts=entries)).linked_accounts]
    assert numbers == ["+1", "+2", "+4"]


def test_an_unknown_type_is_kept_and_a_wallets_address_is_no_error():
    entries = [{"type": "hologram", "address": "x"}, {"type": "wallet", "address": "0x529", "chain_type": 7}]
    assert read(user(linked_accounts=entries)).linked_accounts == (
        LinkedAccount("hologram", address="x"),
        LinkedAccount("wallet", address="0x529"),
    )


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="../shared/spec/examples is not here; inline examples cover it")
@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.json") if "claims" not in path.name))
def test_bodies_as_the_real_front_end_sends_them_are_understood(name):
    text = (EXAMPLES / name).read_bytes()
    request = parse(text)
    sent = json.loads(text)
    assert request.privy_user_id == sent["user"]["id"]
    assert [account.type for account in request.linked_accounts] == [
        account["type"] for account in sent["user"]["linked_accounts"]
    ]
    assert request.auto_create_api_key is sent["auto_create_api_key"]
    assert request.environment_tag == sent.get("environment_tag", "live")
