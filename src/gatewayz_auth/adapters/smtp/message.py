"""A letter as a message: headers that nothing anybody chose can reach, plain text, and HTML without anything remote."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid

    from gatewayz_auth.domain.mail import Letter


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message ready to be handed over; ``is_utf8``: the server must know SMTPUTF8 (RFC 6531)."""

    sender: str
    recipient: str
    content: bytes
    is_utf8: bool

    def __repr__(self) -> str:
        """Show nothing of it: it is personal."""
        return "Envelope(…)"


def address_of(text: str, name: str = "") -> Address:
    """``text`` (local part, ``@``, domain) as an address, its domain in ASCII; ``ValueError`` where it is none."""
    local, sign, domain = text.rpartition("@")
    if not sign or not local:
        raise ValueError("no address")
    try:
        domain = domain.encode("ascii" if domain.isascii() else "idna").decode("ascii")
    except UnicodeError:
        raise ValueError("no domain") from None
    return Address(name, local, domain)


def sender_of(mail_from: str) -> Address:
    """``MAIL_FROM`` as an address, with its name where it has one."""
    name, address = parseaddr(mail_from)
    return address_of(address, name)


def message_id(mail_id: uuid.UUID, sender: Address) -> str:
    """The same for every try of one mail, so that whoever gets it twice can tell."""
    return f"<{mail_id}@{sender.domain}>"


def composed(mail_id: uuid.UUID, letter: Letter, sender: Address, recipient: str, utc_now_s: float) -> Envelope:
    """The message of ``letter`` to ``recipient``; ``ValueError`` where that is no address that can be written to."""
    to = address_of(recipient)
    is_utf8 = not (to.addr_spec.isascii() and sender.addr_spec.isascii())
    message = EmailMessage((SMTPUTF8 if is_utf8 else SMTP).clone(cte_type="7bit"))
    message["From"] = sender
    message["To"] = to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(dt.datetime.fromtimestamp(int(utc_now_s), dt.UTC))
    message["Message-ID"] = message_id(mail_id, sender)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = letter.language  # last: what begins so goes into the part that stands at that moment
    return Envelope(sender.addr_spec, to.addr_spec, message.as_bytes(), is_utf8)
