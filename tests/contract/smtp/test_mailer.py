"""Mail handed over to a real SMTP server: what it refuses, delays, drops, drips and never says is ours to survive."""

import asyncio
import re

import pytest
from tests.support.mail_server import (
    ADDRESS,
    CLOCK,
    Mailbox,
    certificate,
    mail_server,
    mailer_to,
    owed,
    raw_server,
)
from tests.support.withheld import Stopwatch

from gatewayz_auth.adapters.smtp.letter_files import LetterFiles
from gatewayz_auth.domain.mail import Deferred, Sent, Undeliverable

LETTER = LetterFiles().write("referral_rewarded", "en", {"name": "Ada", "credits": "1"})
SLACK_S = 0.25


async def sent(port, *mails, scheme="smtp", user="", after="", limit_s=5.0, **options):
    async with mailer_to(f"{scheme}://{user}localhost:{port}{after}", **options) as mailer:
        return [await mailer.send(mail, LETTER, limit_s) for mail in mails]


def test_a_mail_arrives_with_every_header_it_should_have():
    mailbox, mail = Mailbox(), owed()

    async def story():
        async with mail_server(mailbox) as port:
            assert await sent(port, mail) == [Sent()]

    asyncio.run(story())
    ((recipients, message),) = mailbox.messages
    assert recipients == [ADDRESS]
    assert message["From"] == "Gatewayz <hello@example.com>"
    assert message["To"] == ADDRESS
    assert message["Subject"] == "Somebody has joined with your referral code"
    assert message["Message-ID"] == f"<{mail.mail_id}@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "en"
    assert abs(message["Date"].datetime.timestamp() - CLOCK.utc_now_s()) < 5
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().splitlines() == LETTER.text.splitlines()
    assert html.get_content().splitlines() == LETTER.html.splitlines()


def test_several_mails_share_a_connection_and_one_that_was_ended_meanwhile_is_replaced():
    mailbox = Mailbox()

    async def story():
        async with mail_server(mailbox) as port, mailer_to(f"smtp://localhost:{port}") as mailer:
            for _ in range(3):
                assert await mailer.send(owed(), LETTER, 5.0) == Sent()
            assert mailbox.connections == 1
            mailer._client.transport.abort()
            assert await mailer.send(owed(), LETTER, 5.0) == Sent()
            assert mailbox.connections == 2

    asyncio.run(story())
    assert len(mailbox.messages) == 4


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("450 4.2.0 <ada@example.com> greylisted, come back", Deferred),
        ("550 5.1.1 <ada@example.com>: no such user", Undeliverable),
        ("554 no", Undeliverable),
    ],
)
def test_4xx_is_tried_again_5xx_is_not_and_the_next_mail_goes_through_on_the_same_connection(step, reply, expected):
    mailbox = Mailbox()
    mailbox.replies[step] = [reply]

    async def story():
        async with mail_server(mailbox) as port:
            return await sent(port, owed(), owed("grace@example.com"))

    first, second = asyncio.run(story())
    assert isinstance(first, expected)
    assert first.reason.startswith(reply[:3])
    assert "@" not in first.reason
    assert not getattr(first, "is_of_server", False)
    assert second == Sent()
    assert mailbox.connections == 1


@pytest.mark.parametrize("reply", ["421 4.3.2 going down", "530 5.7.0 log in first"])
def test_what_concerns_the_server_or_our_configuration_costs_nobody_their_mail(reply):
    mailbox = Mailbox()
    mailbox.replies["MAIL"] = [reply]

    async def story():
        async with mail_server(mailbox) as port:
            return await sent(port, owed(), owed())

    first, second = asyncio.run(story())
    assert isinstance(first, Deferred)
    assert first.is_of_server
    assert second == Sent()


def test_a_connection_that_is_dropped_after_the_message_leads_to_a_second_one_of_the_same_message_id():
    mailbox, mail = Mailbox(), owed()
    mailbox.breaks_off_after_data = 1

    async def story():
        async with mail_server(mailbox) as port:
            return await sent(port, mail, mail)

    first, second = asyncio.run(story())
    assert isinstance(first, Deferred)
    assert first.is_of_server
    assert second == Sent()
    assert len({message["Message-ID"] for _, message in mailbox.messages}) == 1
    assert len(mailbox.messages) == 2


async def _frozen(reader, _writer):
    await reader.read()


async def _dripping(_reader, writer):
    for byte in b"220 " + b"x" * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def _frozen_after_greeting(reader, writer):
    writer.write(b"220 hello\r\n")
    await reader.read()


async def _nonsense(_reader, writer):
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def _endless(_reader, writer):
    while True:
        writer.write(b"220-" + b"x" * 60_000 + b"\r\n")
        await writer.drain()


async def _hangs_up(_reader, _writer):
    return


@pytest.mark.parametrize("talk", [_frozen, _dripping, _frozen_after_greeting, _nonsense, _endless, _hangs_up])
def test_a_server_that_does_not_talk_as_it_should_releases_us_in_time_and_leaves_nothing_behind(talk):
    async def story():
        async with raw_server(talk) as port:
            took = Stopwatch()
            (outcome,) = await sent(port, owed(), limit_s=0.4)
            assert took.seconds < 0.4 + 2 * SLACK_S + 0.5  # and half a second of goodbye
            assert isinstance(outcome, Deferred)
            assert outcome.is_of_server

    asyncio.run(story())


def test_nobody_who_listens_is_a_reason_to_try_again():
    async def story():
        async with raw_server(_frozen) as port:
            pass
        (outcome,) = await sent(port, owed())
        assert outcome == Deferred("it cannot be reached", is_of_server=True)

    asyncio.run(story())


def test_starttls_is_taken_where_it_is_offered_and_credentials_go_over_it(tmp_path):
    server, trust = certificate(tmp_path)
    mailbox = Mailbox()

    async def story():
        async with mail_server(mailbox, tls=server, wants_login=True) as port:
            return await sent(port, owed(), user="post:a%20password@", after="?tls=required", tls_context=trust)

    assert asyncio.run(story()) == [Sent()]
    assert mailbox.logins == [("post", "a password")]


def test_smtps_speaks_tls_from_the_first_byte(tmp_path):
    server, trust = certificate(tmp_path)
    mailbox = Mailbox()

    async def story():
        async with mail_server(mailbox, tls=server, implicit=True) as port:
            return await sent(port, owed(), owed(), scheme="smtps", tls_context=trust)

    assert asyncio.run(story()) == [Sent(), Sent()]
    assert mailbox.connections == 1


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_that_nobody_vouches_for_gets_no_mail_and_no_password(tmp_path, implicit):
    server, _ = certificate(tmp_path)
    mailbox = Mailbox()

    async def story():
        async with mail_server(mailbox, tls=server, implicit=implicit) as port:
            return await sent(port, owed(), scheme="smtps" if implicit else "smtp", user="post:a%20password@")

    (outcome,) = asyncio.run(story())
    assert outcome == Deferred("its certificate or its TLS is not accepted", is_of_server=True)
    assert (mailbox.messages, mailbox.logins) == ([], [])


def test_where_tls_is_required_a_server_without_it_gets_nothing():
    mailbox = Mailbox()

    async def story():
        async with mail_server(mailbox) as port:
            return await sent(port, owed(), after="?tls=required")

    (outcome,) = asyncio.run(story())
    assert outcome == Deferred("it offers no TLS or takes no credentials", is_of_server=True)
    assert mailbox.messages == []


def test_wrong_credentials_are_our_fault_and_lose_no_mail():
    mailbox = Mailbox()

    async def story():
        async with mail_server(mailbox, wants_login=True) as port:
            return await sent(port, owed(), user="post:wrong@")

    (outcome,) = asyncio.run(story())
    assert isinstance(outcome, Deferred)
    assert outcome.is_of_server
    assert "credentials" in outcome.reason


@pytest.mark.parametrize(
    ("address", "recipient"),
    [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("äda@example.com", "äda@example.com"),
        ("o'hara+x@example.com", "o'hara+x@example.com"),
    ],
)
def test_odd_addresses_are_written_to_as_they_are(address, recipient):
    mailbox = Mailbox()

    async def story():
        async with mail_server(mailbox) as port:
            return await sent(port, owed(address))

    assert asyncio.run(story()) == [Sent()]
    assert mailbox.messages[0][0] == [recipient]


@pytest.mark.parametrize(
    "address",
    ['a"b@example.com', "<a>@example.com", "a,b@example.com", "a\r\nBcc: x@example.com", "@x", "a@", "a@ö..x"],
)
def test_no_address_reaches_beyond_its_header_or_breaks_the_post(address):
    mailbox = Mailbox()

    async def story():
        async with mail_server(mailbox) as port:
            return await sent(port, owed(address), owed())

    first, second = asyncio.run(story())
    assert second == Sent()
    assert isinstance(first, Sent | Undeliverable)
    for recipients, message in mailbox.messages:
        assert len(recipients) == 1
        assert message["Bcc"] is None
        assert len(message.get_all("To")) == 1


def test_no_repr_shows_an_address_or_a_password():
    async def story():
        async with mailer_to("smtps://post:secret@localhost:1") as mailer:
            return repr((mailer, mailer._server, owed(), LETTER))

    shown = re.sub("0x[0-9a-f]+", "", asyncio.run(story()))  # where in memory something is may look like a name
    assert "secret" not in shown
    assert "ada" not in shown.lower()
