"""``SMTP_URL``: what it says, what it must not say, and no password where others can read it."""

import pytest

from gatewayz_auth.adapters.smtp.server import SmtpServer
from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.settings import read_settings


@pytest.mark.parametrize(
    ("url", "host", "port", "is_tls", "start_tls"),
    [
        ("smtp://mail.example.com", "mail.example.com", 25, False, None),
        ("smtp://mail.example.com:2525/", "mail.example.com", 2525, False, None),
        ("smtp://mail.example.com?tls=required", "mail.example.com", 25, False, True),
        ("smtp://mail.example.com?tls=off", "mail.example.com", 25, False, False),
        ("smtp://u:p@mail.example.com", "mail.example.com", 587, False, True),
        ("smtp://u:p@127.0.0.1", "127.0.0.1", 587, False, None),
        ("smtp://u:p@[::1]:26?tls=off", "::1", 26, False, False),
        ("smtps://u:p@mail.example.com", "mail.example.com", 465, True, False),
        ("smtps://mail.example.com?tls=required", "mail.example.com", 465, True, False),
    ],
)
def test_every_form_says_how_the_server_is_spoken_to(url, host, port, is_tls, start_tls):
    server = SmtpServer.parse(url)
    assert (server.host, server.port, server.is_tls, server.start_tls) == (host, port, is_tls, start_tls)


def test_users_and_passwords_are_percent_encoded_and_never_shown():
    server = SmtpServer.parse("smtp://a%40b:p%3Aq%2F@mail.example.com")
    assert (server.username, server.password) == ("a@b", "p:q/")
    assert "p:q/" not in repr(server)
    assert "a@b" not in repr(server)


BAD = [
    "http://mail.example.com",
    "smtp://",
    "smtp://mail.example.com/inbox",
    "smtp://mail.example.com#x",
    "smtp://mail.example.com:0",
    "smtp://mail.example.com:99999",
    "smtp://mail.example.com:secretpassword",
    "smtp://[::1",
    "smtp://mail.example.com?tls=maybe",
    "smtp://mail.example.com?starttls=off",
    "smtps://mail.example.com?tls=off",
    "smtp://user@mail.example.com",
    "smtp://:secretpassword@mail.example.com",
    "smtp://u:secretpassword@mail.example.com?tls=off",
    "smtp://u:secretpassword@mail.exa\x01mple.com",
]


@pytest.mark.parametrize("url", BAD)
def test_a_bad_one_stops_the_start_with_what_is_wrong_and_without_its_password(url):
    with pytest.raises(ValueError, match=r"."):
        SmtpServer.parse(url)
    with pytest.raises(SettingsError) as told:
        read_settings({"SMTP_URL": url, "MAIL_FROM": "hello@example.com"}, dev=True)
    (fault,) = told.value.faults
    assert fault.startswith("SMTP_URL ")
    assert "Example: SMTP_URL=smtp://" in fault
    assert "secretpassword" not in fault


@pytest.mark.parametrize("sender", ["nobody", "a@b", "a@example.com\nBcc: x@example.com", "@example.com"])
def test_a_sender_that_is_no_address_stops_the_start(sender):
    with pytest.raises(SettingsError, match="MAIL_FROM is no e-mail address"):
        read_settings({"SMTP_URL": "smtp://mail.example.com", "MAIL_FROM": sender}, dev=True)
