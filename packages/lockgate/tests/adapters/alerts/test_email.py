"""Mail is handed to a real SMTP server, never in the clear with a password, and refusals are told apart."""

from __future__ import annotations

import ssl

import pytest

from lockgate.adapters.alerts.email import MailServer, open_email
from lockgate.core.notice import NotificationDeclaration
from lockgate.errors import NoticeRefused, NoticeUnavailable
from lockgate.testing.alerts import HOSTILE, NOTICE

TO = ["data@example.com", "team@example.com"]


class Vault:
    def resolve(self, reference: str) -> str:
        return reference

    def hide(self, value: str) -> None:
        pass


def send(server: str, notice=NOTICE, context: ssl.SSLContext | None = None) -> str:
    options = {"server": server, "from_": "lockgate@example.com", "to": TO}
    declaration = NotificationDeclaration("team", "email", options=options)
    return open_email(declaration, Vault(), origin="inventory.main", context=context).send(notice)


def test_a_relay_without_login_and_tls_takes_mail(serve_mail, mailbox):
    port = serve_mail()

    assert send(f"smtp://127.0.0.1:{port}") == "127.0.0.1 took it for 2 addresses"

    (message,) = mailbox.messages()
    assert message["Subject"] == "[inventory.main] critical: users: the candidate was rolled back"
    assert (message["From"], message["To"]) == ("lockgate@example.com", "data@example.com, team@example.com")
    assert message["Date"] == "Sat, 28 Feb 2026 12:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.com>")
    assert "wrong: 12" in message.get_body(("plain",)).get_content()
    assert "<td>12</td>" in message.get_body(("html",)).get_content()


def test_tls_is_used_where_it_is_offered(serve_mail, mailbox, server_tls, trust):
    port = serve_mail(tls_context=server_tls, require_starttls=True)

    send(f"smtp://127.0.0.1:{port}", context=trust)

    assert len(mailbox.envelopes) == 1


def test_tls_from_the_first_byte(serve_mail, mailbox, server_tls, trust):
    port = serve_mail(ssl_context=server_tls, authenticator=mailbox.authenticate, auth_require_tls=False)

    send(f"smtps://lockgate:p%40ss%3Aw%2Furd-sEcReT@127.0.0.1:{port}", context=trust)

    assert mailbox.logins == [(b"lockgate", b"p@ss:w/urd-sEcReT")]
    assert len(mailbox.envelopes) == 1


def test_a_password_is_not_sent_where_tls_is_not_offered(serve_mail, mailbox):
    port = serve_mail(authenticator=mailbox.authenticate, auth_require_tls=False)

    with pytest.raises(NoticeRefused, match="does not offer what is needed: STARTTLS"):
        send(f"smtp://lockgate:hunter22@127.0.0.1:{port}")

    assert (mailbox.logins, mailbox.envelopes) == ([], [])


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_is_not_trusted_gets_no_password(serve_mail, mailbox, server_tls, scheme):
    tls = {"ssl_context": server_tls} if scheme == "smtps" else {"tls_context": server_tls}
    port = serve_mail(**tls, authenticator=mailbox.authenticate, auth_require_tls=False)

    with pytest.raises(NoticeRefused, match="shows a certificate that is not trusted: self"):
        send(f"{scheme}://lockgate:hunter22@127.0.0.1:{port}")

    assert (mailbox.logins, mailbox.envelopes) == ([], [])


def test_a_wrong_password_is_refused_and_not_told(serve_mail, mailbox, server_tls, trust):
    port = serve_mail(tls_context=server_tls, authenticator=mailbox.authenticate)

    with pytest.raises(NoticeRefused, match=r"answered 535: 5\.7\.8 Authentication credentials invalid") as caught:
        send(f"smtp://lockgate:hunter22@127.0.0.1:{port}", context=trust)

    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"), [("550 5.1.1 no such user", NoticeRefused), ("450 4.2.1 greylisted", NoticeUnavailable)]
)
def test_an_address_that_is_refused_is_told_though_the_others_got_it(serve_mail, mailbox, answer, error):
    port = serve_mail()
    mailbox.addresses_refused["team@example.com"] = answer

    with pytest.raises(error, match=rf"answered {answer[:3]}: 1 address\(es\) refused: {answer[4:]}"):
        send(f"smtp://127.0.0.1:{port}")

    assert [envelope.rcpt_tos for envelope in mailbox.envelopes] == [["data@example.com"]]


@pytest.mark.parametrize(("answer", "error"), [("554 spam", NoticeRefused), ("452 full", NoticeUnavailable)])
def test_mail_that_is_refused_is_told(serve_mail, mailbox, answer, error):
    port = serve_mail()
    mailbox.answers["DATA"] = answer

    with pytest.raises(error, match=f"answered {answer[:3]}: {answer[4:]}"):
        send(f"smtp://127.0.0.1:{port}")


def test_no_word_becomes_a_header_or_a_command(serve_mail, mailbox):
    port = serve_mail()

    send(f"smtp://127.0.0.1:{port}", HOSTILE)

    (envelope,) = mailbox.envelopes
    assert envelope.rcpt_tos == TO
    (message,) = mailbox.messages()
    assert "Bcc" not in message
    assert "Bcc: b@evil.example" in message["Subject"]


@pytest.mark.parametrize(
    ("address", "host", "port", "tls"),
    [
        ("smtp://mail.example.com", "mail.example.com", 587, "offered"),
        ("smtp://mail.example.com:25?tls=off", "mail.example.com", 25, "off"),
        ("smtp://u:p@mail.example.com", "mail.example.com", 587, "required"),
        ("smtps://u:p@mail.example.com", "mail.example.com", 465, "required"),
    ],
)
def test_an_address_says_where_and_how(address, host, port, tls):
    server = MailServer.parse(address)

    assert (server.host, server.port, server.tls) == (host, port, tls)


@pytest.mark.parametrize(
    "address",
    ["", "hunter22", "https://u:hunter22@h", "smtp://", "smtp://u:hunter22@h:x", "smtp://u:hunter22@h?tls=off",
     "smtp://u:hunter22@h?tls=offered", "smtp://h?tls=hunter22", "smtp://[u:hunter22@h"],
)  # fmt: skip
def test_another_address_is_refused_without_being_repeated(address):
    with pytest.raises(NoticeRefused, match="the mail server's address") as caught:
        MailServer.parse(address)

    assert "hunter22" not in str(caught.value) + repr(caught.value.fields) + caught.value.remedy


def test_a_password_stands_in_no_picture_of_the_server():
    assert "hunter22" not in repr(MailServer.parse("smtp://u:hunter22@h"))
