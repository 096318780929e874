"""The description and the code say the same."""

import copy
import json
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.web_app import account, parts

from gatewayz_auth.domain.errors import RequestNotUnderstood
from gatewayz_auth.web import examples, problems
from gatewayz_auth.web.answers import render, stamped
from gatewayz_auth.web.app import create_api
from gatewayz_auth.web.wire import parse

FRONT_END = Path(__file__).parents[3].parent / "shared" / "spec" / "examples"


def described():
    return create_api(parts()).openapi()


def validator(model):
    components = described()["components"]
    return jsonschema_rs.Draft202012Validator({"$ref": f"#/components/schemas/{model}", "components": components})


REQUEST = validator("SignInBody")


def is_understood(value):
    try:
        parse(json.dumps(value).encode(), b"Bearer spare")
    except RequestNotUnderstood:
        return False
    return True


def assert_agreement(value):
    assert is_understood(value) is REQUEST.is_valid(value)


@pytest.mark.parametrize("name", examples.REQUESTS)
def test_every_example_is_valid_and_understood(name):
    value = examples.REQUESTS[name]["value"]
    assert REQUEST.is_valid(value)
    assert is_understood(value)


def test_bodies_of_the_real_front_end_are_valid():
    if not FRONT_END.is_dir():
        pytest.skip("../shared/spec/examples is not here: nothing installs it, it lies beside ../shared/vectors")
    for path in FRONT_END.glob("*.json"):
        if "claims" not in path.name:
            assert REQUEST.is_valid(json.loads(path.read_bytes())), path.name


BASE = examples.REQUESTS["google"]["value"]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "live", "LIVE", "did:privy:x", "did:privy:", "x" * 64, "x" * 65, "x" * 1024, "x" * 1025]),
    st.sampled_from([[], {}, [{}], ["x"], [{"type": "email"}], [{"type": "x"}] * 100, [{"type": "x"}] * 101]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
TOP = ["token", "privy_access_token", "identity_token", "user", "email", "referral_code", "environment_tag"]
TOP += ["auto_create_api_key", "is_new_user", "trial_credits", "refresh_token", "unknown"]
USER = ["id", "created_at", "linked_accounts", "mfa_methods", "has_accepted_terms", "is_guest", "unknown"]
ENTRY = ["type", "address", "email", "subject", "name", "username", "phone_number", "phoneNumber", "verified_at"]
ENTRY += ["first_verified_at", "latest_verified_at", "unknown"]
PLACES = st.one_of(
    st.sampled_from(TOP).map(lambda name: (name,)),
    st.sampled_from(USER).map(lambda name: ("user", name)),
    st.sampled_from(ENTRY).map(lambda name: ("user", "linked_accounts", 0, name)),
)


@given(st.lists(st.tuples(PLACES, ODD), max_size=3))
def test_the_parser_and_the_description_agree_on_whatever_is_changed(changes):
    value = copy.deepcopy(BASE)
    for place, odd in changes:
        holder = value
        for step in place[:-1]:
            try:
                holder = holder[step]
            except (KeyError, IndexError, TypeError):
                holder = None
        if isinstance(holder, dict):
            holder[place[-1]] = copy.deepcopy(odd)
    assert_agreement(value)


@pytest.mark.parametrize("place", [("user",), ("user", "id"), ("user", "linked_accounts", 0, "type")])
def test_the_parser_and_the_description_agree_on_what_is_required(place):
    value = copy.deepcopy(BASE)
    holder = value
    for step in place[:-1]:
        holder = holder[step]
    del holder[place[-1]]
    assert not REQUEST.is_valid(value)
    assert not is_understood(value)


def test_the_answer_is_as_described():
    answers = validator("SignInAnswer")
    assert answers.is_valid(examples.ANSWER)
    for changes in ({}, {"privy_user_id": None, "trial_expires_at": None}):
        answer = json.loads(stamped(render(account(**changes), None, is_new=True), 1))
        answers.validate(answer)
        properties = described()["components"]["schemas"]["SignInAnswer"]["properties"]
        assert set(answer) == set(properties) == set(examples.ANSWER)


def test_every_problem_is_as_described_and_every_status_of_the_table_is_told():
    shape = validator("ProblemDetails")
    for problem in problems.PROBLEMS.values():
        shape.validate(json.loads(problems.render(problem, "r")))
    told = set(described()["paths"]["/api/auth"]["post"]["responses"])
    assert told == {"200"} | {
        str(problem.status) for problem in problems.PROBLEMS.values() if problem.status not in {404, 405}
    }


def test_both_names_of_the_route_are_described_alike():
    paths = described()["paths"]
    one, other = paths["/api/auth"]["post"], paths["/auth"]["post"]
    assert one["responses"] == other["responses"]
    assert one["requestBody"] == other["requestBody"]


def test_no_route_is_said_to_refuse_in_the_frameworks_own_shape():
    assert "HTTPValidationError" not in json.dumps(described())


def test_examples_hold_made_up_data_only():
    text = json.dumps([examples.REQUESTS, examples.ANSWER])
    for word in ("@",):
        assert all(part.startswith("example.com") for part in text.split(word)[1:])
