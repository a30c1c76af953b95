"""Notices as mail, handed to an SMTP server.

Sources: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (implicit TLS, port 465), RFC 3834 (automatic mail).
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from lockgate.adapters.alerts.posting import Patience
from lockgate.adapters.alerts.wording import facts_of, footing, key_of, one_line, paragraph, without
from lockgate.adapters.deadline import Deadline
from lockgate.core.notice import Notice, NotificationDeclaration
from lockgate.core.ports import Notifier, Secrets
from lockgate.errors import LockgateError, NoticeRefused, NoticeUnavailable

LONGEST_SUBJECT = 200
LONGEST_TEXT = 50_000
MOST_FACTS = 50
_PORTS = {"smtp": 587, "smtps": 465}
_OURSELVES = "[127.0.0.1]"  # RFC 5321, 4.1.3: what has no name says its address
_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, and how: by `smtps://user:password@host:port`, or `smtp://…` with STARTTLS.

    With a login, TLS is required; without one it is used where it is offered; `?tls=required` and `?tls=off` say more.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    is_implicit: bool
    tls: str

    @classmethod
    def parse(cls, address: str) -> MailServer:
        """The server that an address names.

        Raises:
            NoticeRefused: the address is none of SMTP, or would show a password to the network.
        """
        hint = "Write smtp://user:password@host:587 or smtps://user:password@host:465, as a secret."
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            tls = dict(parse_qsl(parts.query)).get("tls", "required" if user else "offered")
        except (ValueError, KeyError):
            raise NoticeRefused("the mail server's address is not one of SMTP", hint=hint) from None
        if not host or tls not in {"required", "offered", "off"}:
            raise NoticeRefused("the mail server's address is not one of SMTP", hint=hint)
        if user and tls != "required" and parts.scheme == "smtp":
            raise NoticeRefused("the mail server's address has a password, which goes over TLS only", hint=hint)
        return cls(host, port, user, password, parts.scheme == "smtps", tls)


def open_email(
    declaration: NotificationDeclaration,
    secrets: Secrets,
    *,
    origin: str,
    patience: Patience | None = None,
    context: ssl.SSLContext | None = None,
) -> Notifier:
    """Mail from `from_` to the addresses `to`, by the server behind `server`."""
    options = declaration.options
    recipients = options["to"]
    assert isinstance(recipients, Sequence)  # noqa: S101  the project file's shape says so
    return Mail(
        str(options["server"]),
        str(options["from_"]),
        tuple(str(each) for each in recipients),
        secrets,
        origin,
        patience or Patience(),
        context,
    )


@dataclass(frozen=True, slots=True)
class Mail:
    """Fulfils `Notifier`."""

    server: str
    sender: str
    recipients: tuple[str, ...]
    secrets: Secrets
    origin: str
    patience: Patience
    context: ssl.SSLContext | None = None

    def send(self, notice: Notice) -> str:
        """See `lockgate.core.ports.Notifier.send`; where some addresses are refused, the others have got it."""
        address = self.secrets.resolve(self.server)
        server = MailServer.parse(address)
        message = message_of(notice, self.origin, self.sender, self.recipients)
        context = self.context or ssl.create_default_context()
        patience = self.patience.bounded()
        deadline = Deadline(patience.deadline_seconds)
        try:
            with deadline.running(), closing(_Line(server, context, deadline, patience)) as line:
                _introduce(line, server, context)
                refused = line.send_message(message, self.sender, list(self.recipients))
                with suppress(OSError):  # it is taken already
                    line.quit()
        except (OSError, UnicodeError, ValueError) as error:
            said_by_it = isinstance(error, smtplib.SMTPException)  # and may repeat a password, so it is not chained
            mapped = _mapped(error, server, deadline, (address, server.password, server.user))
            raise mapped from (None if said_by_it else error)
        if refused:
            raise _mapped(smtplib.SMTPRecipientsRefused(refused), server, deadline, (address,))
        return f"{server.host} took it for {len(self.recipients)} address{'es' if len(self.recipients) != 1 else ''}"


class _Line(smtplib.SMTP):
    """A connection that ends at the deadline, also in the middle of a TLS handshake."""

    def __init__(self, server: MailServer, context: ssl.SSLContext, deadline: Deadline, patience: Patience) -> None:
        self._wrapping = context if server.is_implicit else None
        self._deadline = deadline
        self._watched: socket.socket | None = None
        super().__init__(server.host, server.port, local_hostname=_OURSELVES, timeout=patience.timeout_seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        """Where `smtplib` lets its own subclass for TLS connect."""
        plain = socket.create_connection((host, port), timeout)
        self._watched = plain.dup()
        self._deadline.watch(self._watched)
        if self._wrapping is None:
            return plain
        try:
            return self._wrapping.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            self._watched.close()
            raise

    def close(self) -> None:
        """Closes the connection, and what watches it."""
        super().close()
        if self._watched is not None:
            self._watched.close()


def _introduce(line: smtplib.SMTP, server: MailServer, context: ssl.SSLContext) -> None:
    """Greets, turns TLS on, and logs in, as far as the server and its address call for it."""
    line.ehlo_or_helo_if_needed()
    if not server.is_implicit and server.tls != "off" and (server.tls == "required" or line.has_extn("starttls")):
        line.starttls(context=context)
    if server.user:
        line.login(server.user, server.password)


def message_of(notice: Notice, origin: str, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The notice as text and as HTML; its id is the same whenever the notice is sent again."""
    message = EmailMessage(policy=SMTP)
    shown = "recovered" if notice.is_recovery else notice.severity
    message["Subject"] = one_line(f"[{origin}] {shown}: {notice.subject}", LONGEST_SUBJECT)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = f"<{key_of(origin, notice.notice_id)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    subject, text = one_line(notice.subject, LONGEST_SUBJECT), paragraph(notice.text, LONGEST_TEXT)
    facts, below = facts_of(notice, MOST_FACTS), footing(notice, origin)
    lines = [f"{name}: {value}" for name, value in facts]
    message.set_content("\n\n".join(part for part in (subject, text, "\n".join(lines), below) if part) + "\n")
    rows = "".join(f"<tr><th align=left>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
    message.add_alternative(
        f"<!doctype html><html><body><h3>{escape(subject)}</h3>"
        f'<p style="white-space:pre-wrap">{escape(text)}</p><table>{rows}</table>'
        f"<p><small>{escape(below)}</small></p></body></html>\n",
        subtype="html",
    )
    return message


def _mapped(
    error: OSError | UnicodeError | ValueError, server: MailServer, deadline: Deadline, hidden: Sequence[str]
) -> LockgateError:
    """Our error for one of the client's; a server's 4yz may go well later, its 5yz does not (RFC 5321, 4.2.1)."""
    if deadline.has_passed:
        return NoticeUnavailable(f"{server.host} did not take the mail within {deadline.seconds:g} s")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = min(error.recipients.values())
        return _answered(server, code, f"{len(error.recipients)} address(es) refused: {_text(said)}", hidden)
    if isinstance(error, smtplib.SMTPResponseException):
        return _answered(server, error.smtp_code, _text(error.smtp_error), hidden)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NoticeRefused(f"{server.host} does not offer what is needed: {without(hidden, str(error))}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return NoticeRefused(f"{server.host} shows a certificate that is not trusted: {error.verify_message}")
    if isinstance(error, UnicodeError | ValueError) and not isinstance(error, OSError):
        return NoticeRefused(f"the mail or the login for {server.host} cannot be written in SMTP")
    return NoticeUnavailable(f"{server.host} did not answer: {type(error).__name__}")


def _answered(server: MailServer, code: int, said: str, hidden: Sequence[str]) -> LockgateError:
    message = f"{server.host} answered {code}: {without(hidden, said)}"
    return NoticeRefused(message, status=code) if code >= _PERMANENT else NoticeUnavailable(message, status=code)


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
