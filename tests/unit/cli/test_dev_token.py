"""``gatewayz-auth dev-token``."""

import json

from gatewayz_auth.cli.main import main


def test_it_prints_a_body_that_names_the_person(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    assert main(["dev-token", "did:privy:grace", "--email", "grace@example.com"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["user"]["id"] == "did:privy:grace"
    assert body["user"]["linked_accounts"][0]["address"] == "grace@example.com"
    assert body["token"].count(".") == body["identity_token"].count(".") == 2


def test_whoever_is_in_a_folder_without_an_issuer_is_told_whom_its_tokens_are_good_for_once(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    main(["dev-token"])
    printed = capsys.readouterr()
    assert "go to its folder" in printed.err
    assert json.loads(printed.out)
    main(["dev-token"])
    assert capsys.readouterr().err == ""


def test_no_privy_id_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    assert main(["dev-token", "ada"]) == 1
    said = capsys.readouterr().err
    assert "privy_user_id must be" in said
    assert "Example: gatewayz-auth dev-token did:privy:ada" in said
