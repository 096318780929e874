"""An export is everything that is kept of a person, however much was done to others since, wherever it is asked for."""

import http.client
import json

import psycopg
import pytest
from tests.support.serving import CLOCK, SETTINGS_OF_THE_MACHINE, Serving

from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.cli.main import main

ADMIN_TOKEN = "an-administrators-token-of-forty-letters"
OTHERS = 300
"""More than the console shows of the audit log, and of what hangs on a person."""

_DONE = "INSERT INTO gatewayz_auth.audit (who, what, subject, why) VALUES ('grace (console)', %s, %s, 'asked to')"
_FOREIGN = (
    "INSERT INTO gatewayz_auth.audit (who, what, subject) "
    "SELECT 'grace (console)', 'invalidate', 'user ' || (1000000 + n) FROM generate_series(1, %s) n"
)
_REFERRAL = (
    "INSERT INTO public.referrals (referrer_user_id, referred_user_id, referral_code, status) "
    "VALUES (%s, %s, 'ADA1', 'rewarded') RETURNING id"
)
_CREDITS = (
    "INSERT INTO public.credit_entries (user_id, amount, kind, reference) "
    "SELECT %s, 1, 'referral', 'export-' || n FROM generate_series(1, %s) n"
)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("export"), environ={"ADMIN_TOKEN": ADMIN_TOKEN}) as serving:
        yield serving.ready()


@pytest.fixture(scope="module")
def ada(service):
    """Somebody to whom much was done, and then more to others: her number."""
    user_id = service.sign_in("did:privy:ada", [])["user_id"]
    bob_id = service.sign_in("did:privy:bob", [])["user_id"]
    with psycopg.connect(EmbeddedPostgres(service.folder / ".state", CLOCK).url, autocommit=True) as connection:
        (key_id,) = connection.execute("SELECT id FROM public.api_keys WHERE user_id = %s", [user_id]).fetchone()
        (referral_id,) = connection.execute(_REFERRAL, [user_id, bob_id]).fetchone()
        deeds = [
            ("disable", f"user {user_id}"),
            ("revoke key", f"key {key_id}"),
            ("reverse", f"referral {referral_id}"),
        ]
        for deed in deeds:
            connection.execute(_DONE, deed)
        connection.execute(_FOREIGN, [OTHERS])
        connection.execute(_CREDITS, [user_id, OTHERS])
    return user_id, deeds


def by_command(service, user_id, monkeypatch, capsys):
    for name in SETTINGS_OF_THE_MACHINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(service.folder)
    capsys.readouterr()
    assert main(["users", "export", str(user_id)]) == 0
    return json.loads(capsys.readouterr().out)


def by_console(service, user_id, _monkeypatch, _capsys):
    def ask(method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    _, headers, _ = ask("POST", "/console/session", {"token": ADMIN_TOKEN, "name": "Grace"})
    cookie = headers["set-cookie"].partition(";")[0]
    token = json.loads(ask("GET", "/console/session", cookie=cookie)[2])["token"]
    mine = {"cookie": cookie, "x-console-token": token}
    status, _, text = ask("POST", f"/console/people/{user_id}/export", {"why": "she asks"}, **mine)
    assert status == 200
    return json.loads(text)


@pytest.mark.parametrize("export", [by_command, by_console])
def test_an_export_is_complete_though_much_was_done_to_others_since(export, service, ada, monkeypatch, capsys):
    user_id, deeds = ada
    kept = export(service, user_id, monkeypatch, capsys)
    told = [(one["what"], one["subject"]) for one in kept["done_by_operators"]]
    assert told[0] == ("export", f"user {user_id}")
    assert told[-len(deeds) :] == deeds[::-1]
    assert {subject for _, subject in told} == {subject for _, subject in deeds}
    assert len(kept["credit_entries"]) == OTHERS
    assert kept["is_complete"] is True
