"""Without a mail server: the log in development, one warning and a reason elsewhere, and an address nowhere."""

import asyncio

import structlog
from tests.support.mail_server import ADDRESS, owed

from gatewayz_auth.adapters.smtp.letter_files import LetterFiles
from gatewayz_auth.adapters.smtp.mail_log import MailLog
from gatewayz_auth.adapters.smtp.no_server import WARNING, LogMailer, NoMailer
from gatewayz_auth.domain.mail import Deferred, Sent, Undeliverable

LETTER = LetterFiles().write("referral_rewarded", "en", {"name": "Ada", "credits": "1"})


def test_in_development_a_mail_is_written_to_the_log_without_its_address():
    with structlog.testing.capture_logs() as lines:
        assert asyncio.run(LogMailer().send(owed(), LETTER, 1.0)) == Sent()
    (line,) = lines
    assert line["subject"] == LETTER.subject
    assert line["text"] == LETTER.text
    assert ADDRESS not in str(line)


def test_elsewhere_it_is_said_once_that_mail_is_off_and_each_mail_is_refused_with_that_reason():
    with structlog.testing.capture_logs() as lines:
        mailer = NoMailer()
        outcomes = [asyncio.run(mailer.send(owed(), LETTER, 1.0)) for _ in range(3)]
    assert [line["event"] for line in lines] == [WARNING]
    assert outcomes == [Undeliverable(mailer.refusal, is_told=True)] * 3


def test_what_was_said_once_for_all_mails_has_no_line_for_each():
    with structlog.testing.capture_logs() as lines:
        MailLog().tried(owed(), Undeliverable("mail is off", is_told=True), 0.0)
    assert lines == []


def test_no_line_about_a_try_holds_an_address():
    outcomes = (Sent(), Deferred("450 4.2.0 at recipient", is_of_server=False), Undeliverable("550 at recipient"))
    with structlog.testing.capture_logs() as lines:
        for outcome in outcomes:
            MailLog().tried(owed(), outcome, 0.1)
    assert [line["log_level"] for line in lines] == ["info", "warning", "error"]
    assert "@" not in str(lines)
