"""The development issuer: like Privy where it is trusted, nothing anywhere else."""

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tests.support.forgeries import Signer, forgeries
from tests.support.manual_clock import ManualClock
from tests.support.seeded_entropy import SeededEntropy

from gatewayz_auth.adapters.privy.dev_issuer import KEY_FILE, DevIssuer
from gatewayz_auth.adapters.privy.signing_keys import SigningKeys
from gatewayz_auth.adapters.privy.tokens import PrivyTokens
from gatewayz_auth.domain.errors import RequestNotUnderstood, StartupError, TokenNotAccepted
from gatewayz_auth.domain.identity import LinkedAccount

NOW_S = 1763900000.7
EMAIL = {"type": "email", "address": "ada@example.com"}


def issuer_in(folder):
    return DevIssuer(folder, SeededEntropy())


def verifier_of(pem, app_id, folder):
    keys = SigningKeys(pem=pem, jwks_url=None, state_dir=folder, clock=ManualClock(), entropy=SeededEntropy())
    return PrivyTokens(keys, app_id)


def test_its_tokens_prove_what_was_asked_for_where_it_is_trusted(tmp_path):
    issuer = issuer_in(tmp_path)
    accounts = [EMAIL, {"type": "github_oauth", "subject": "583231", "username": "octo", "verified_at": 5}]
    issued = issuer.issue("did:privy:ada", accounts, NOW_S)
    verifier = verifier_of(issuer.public_pem, issuer.app_id, tmp_path)
    access = verifier.access(issued["token"], NOW_S)
    identity = verifier.identity(issued["identity_token"], NOW_S)
    assert access.subject == identity.subject == issued["user"]["id"] == "did:privy:ada"
    assert access.expires_at_s == 1763903600.0
    assert identity.linked_accounts == (
        LinkedAccount("email", address="ada@example.com"),
        LinkedAccount("github_oauth", subject="583231", username="octo"),
    )
    assert issued["user"]["linked_accounts"][1]["username"] == "octo"
    assert issued["user"]["is_guest"] is False
    assert set(issued) == {"token", "identity_token", "user"}


def test_a_person_without_accounts_is_a_guest(tmp_path):
    for accounts in ([], None):
        issued = issuer_in(tmp_path).issue("did:privy:guest", accounts, NOW_S)
        assert issued["user"]["is_guest"] is True
        assert issued["user"]["linked_accounts"] == []


def test_its_tokens_are_refused_by_key_and_by_app_wherever_it_is_not_trusted(tmp_path):
    issuer = issuer_in(tmp_path)
    token = issuer.issue("did:privy:ada", [EMAIL], NOW_S)["token"]
    with pytest.raises(TokenNotAccepted, match="signature"):
        verifier_of(Signer().public_pem, issuer.app_id, tmp_path).access(token, NOW_S)
    with pytest.raises(TokenNotAccepted, match="audience"):
        verifier_of(issuer.public_pem, "a-real-app", tmp_path).access(token, NOW_S)


def test_the_key_is_made_once_survives_a_restart_and_is_its_owners_alone(tmp_path):
    folder = tmp_path / "state" / "deeper"
    first = issuer_in(folder)
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    (folder / KEY_FILE).chmod(0o644)
    assert issuer_in(folder).public_pem == first.public_pem
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]
    assert issuer_in(tmp_path / "other").public_pem != first.public_pem
    load_pem_public_key(first.public_pem.encode())


def test_of_two_processes_that_start_at_once_both_use_one_key(tmp_path, monkeypatch):
    winner = issuer_in(tmp_path / "winner")
    looked = []

    def exists(path):
        if path.name == KEY_FILE and not looked:  # the other process makes its key just after we looked
            looked.append(path)
            path.write_bytes((tmp_path / "winner" / KEY_FILE).read_bytes())
            return False
        return True

    monkeypatch.setattr("pathlib.Path.exists", exists)
    assert issuer_in(tmp_path).public_pem == winner.public_pem
    assert sorted(path.name for path in tmp_path.iterdir()) == [KEY_FILE, "winner"]


@pytest.mark.parametrize("content", [b"", b"rubbish", Signer().public_pem.encode()])
def test_a_key_that_cannot_be_read_stops_the_start_with_what_to_do(tmp_path, content):
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(StartupError, match="delete it"):
        issuer_in(tmp_path)


def test_a_folder_that_cannot_be_made_stops_the_start_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StartupError, match="STATE_DIR"):
        issuer_in(tmp_path / "file" / "state")


@pytest.mark.parametrize(
    ("who", "accounts", "lifetime_s", "pointers"),
    [
        ("ada", [], 3600, ["/privy_user_id"]),
        (None, [], 3600, ["/privy_user_id"]),
        ("did:privy:" + "a" * 129, [], 3600, ["/privy_user_id"]),
        ("did:privy:a\n", [], 3600, ["/privy_user_id"]),
        (["did:privy:a"], {}, 3600, ["/privy_user_id", "/linked_accounts"]),
        ("did:privy:a", "email", 3600, ["/linked_accounts"]),
        ("did:privy:a", [EMAIL] * 33, 3600, ["/linked_accounts"]),
        ("did:privy:a", ["email", {}], 3600, ["/linked_accounts/0", "/linked_accounts/1/type"]),
        ("did:privy:a", [EMAIL | {"address": 7}], 3600, ["/linked_accounts/0/address"]),
        ("did:privy:a", [EMAIL | {"name": "\ud800"}], 3600, ["/linked_accounts/0/name"]),
        ("did:privy:a", [EMAIL | {"type": "\ud800"}], 3600, ["/linked_accounts/0/type"]),
        ("did:privy:a", [EMAIL | {"name": "x" * 20000}], 3600, ["/linked_accounts"]),
        ("did:privy:a", [], 0, ["/lifetime_s"]),
        ("did:privy:a", [], True, ["/lifetime_s"]),
        ("did:privy:a", [], 86401, ["/lifetime_s"]),
    ],
)
def test_a_wrong_request_is_told_each_field(tmp_path, who, accounts, lifetime_s, pointers):
    with pytest.raises(RequestNotUnderstood) as refused:
        issuer_in(tmp_path).issue(who, accounts, NOW_S, lifetime_s)
    assert [error.pointer for error in refused.value.errors] == pointers


def test_no_repr_shows_the_key(tmp_path):
    assert repr(issuer_in(tmp_path)) == "DevIssuer(app_id='gatewayz-auth-dev')"


def test_who_holds_its_key_still_cannot_forge(tmp_path):
    issuer = issuer_in(tmp_path)
    signer = Signer.of_dev_issuer(tmp_path)
    assert signer.public_pem == issuer.public_pem
    verifier = verifier_of(issuer.public_pem, issuer.app_id, tmp_path)
    for name, token in forgeries(signer, issuer.app_id, NOW_S):
        with pytest.raises(TokenNotAccepted):
            pytest.fail(f"{name}: {verifier.access(token, NOW_S)}")
