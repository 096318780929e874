"""A real SMTP server on the running loop, which refuses, delays and breaks off as it is told."""

import asyncio
import contextlib
import datetime as dt
import email
import email.policy
import ssl
import uuid
import warnings

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gatewayz_auth.adapters.smtp.mailer import SmtpMailer
from gatewayz_auth.adapters.smtp.server import SmtpServer
from gatewayz_auth.domain.mail import OwedMail
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.clock import SystemClock

CLOCK = SystemClock()
ADDRESS = "ada@example.com"


class Mailbox:
    """What the server was given (``messages``) and how it answers: a reply by step, or something worse."""

    def __init__(self):
        self.messages = []
        self.replies = {}  # step (MAIL, RCPT, DATA) -> list of replies, the first of them next
        self.breaks_off_after_data = 0
        self.logins = []
        self.connections = 0

    def _reply(self, step):
        replies = self.replies.get(step, [])
        return replies.pop(0) if replies else None

    async def handle_MAIL(self, _server, _session, envelope, address, options):  # noqa: N802 - aiosmtpd's names
        if (reply := self._reply("MAIL")) is not None:
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's names
        if (reply := self._reply("RCPT")) is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's names
        if (reply := self._reply("DATA")) is not None:
            return reply
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append((list(envelope.rcpt_tos), message))
        if self.breaks_off_after_data:
            self.breaks_off_after_data -= 1
            server.transport.abort()
        return "250 2.0.0 taken"

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        login = (data.login.decode(), data.password.decode())
        self.logins.append(login)
        return AuthResult(success=login == ("post", "a password"), handled=False)


@contextlib.asynccontextmanager
async def mail_server(mailbox, *, tls=None, implicit=False, wants_login=False):
    """``mailbox`` behind a socket; gives the port. ``tls`` is a server's context."""
    loop = asyncio.get_running_loop()

    def made():
        mailbox.connections += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of credentials without TLS, which one test is about
            return serving()

    def serving():
        return SMTP(
            mailbox,
            hostname="localhost",
            ident="a server",
            enable_SMTPUTF8=True,
            loop=loop,
            tls_context=None if implicit else tls,
            require_starttls=tls is not None and not implicit,
            authenticator=mailbox.authenticate if wants_login else None,
            auth_required=wants_login,
            auth_require_tls=tls is not None and not implicit,
        )

    server = await loop.create_server(made, "127.0.0.1", 0, ssl=tls if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextlib.asynccontextmanager
async def raw_server(talk):
    """``talk(reader, writer)`` behind a socket, for servers that aiosmtpd would not be; gives the port."""
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def mailer_to(url, *, mail_from="Gatewayz <hello@example.com>", tls_context=None):
    """A mailer that is closed in the end; nothing that it walked away from is left then."""
    abandoned = Abandoned()
    mailer = SmtpMailer(SmtpServer.parse(url), mail_from, CLOCK, abandoned, tls_context)
    try:
        yield mailer
    finally:
        await mailer.close()
        assert await abandoned.close(1.0) == ()


def owed(address=ADDRESS, **changes):
    """A mail that is owed to Ada."""
    fields = {
        "mail_id": uuid.uuid4(),
        "user_id": 7,
        "kind": "referral_rewarded",
        "arguments": {"credits": "1"},
        "attempts": 1,
        "age_s": 0.0,
        "address": address,
        "name": "Ada",
        "is_active": True,
    }
    return OwedMail(**{**fields, **changes})


def certificate(folder, name="localhost"):
    """A server's context and the context of whoever trusts it, for ``name`` and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.fromtimestamp(CLOCK.utc_now_s(), dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(pem + secret)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())
