"""Receivers that notices are sent to: local stand-ins for the vendors, and a real SMTP server."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from email import message_from_bytes
from email.policy import default

import pytest

from lockgate.adapters.alerts.email import open_email
from lockgate.adapters.alerts.pagerduty import open_pagerduty
from lockgate.adapters.alerts.posting import Patience
from lockgate.adapters.alerts.slack import open_slack
from lockgate.adapters.alerts.webhook import open_webhook
from lockgate.core.notice import NotificationDeclaration
from lockgate.sandbox.alerts import Answer, Misbehaviour, Receiver, pagerduty, slack, webhook
from lockgate.sandbox.local_server import ApiRequest
from lockgate.sandbox.postgres import free_port
from lockgate.testing.alerts import DEADLINE_SECONDS, How, Taken

ORIGIN = "inventory.main"
MISBEHAVIOUR = {
    How.IS_BUSY: Answer(429, "slow down", {"retry-after": "7"}),
    How.FAILS: Answer(503, "not now"),
    How.DRIPS: Misbehaviour.DRIP,
    How.HANGS: Misbehaviour.HANG,
}


class Vault(dict):
    """Secrets by reference."""

    def resolve(self, reference: str) -> str:
        return self[reference.removeprefix("secret://")] if reference.startswith("secret://") else reference

    def hide(self, value: str) -> None:
        pass


class HttpStand:
    """A notifier over HTTP before a receiver of ours."""

    kind = ""
    refusal = Answer(400, "no")
    longest = 30_000
    seconds = 10.0

    def __init__(self, receiver: Receiver, factory, options: dict, vault: Vault, secrets: tuple[str, ...]) -> None:
        self.receiver, self.vault, self.secrets = receiver, vault, secrets
        self._factory = factory
        self.declaration = NotificationDeclaration("x", self.kind, options=options)

    def open(self, **more):
        patience = Patience(timeout_seconds=5.0, deadline_seconds=self.seconds)
        return self._factory(self.declaration, self.vault, **{"origin": ORIGIN, "patience": patience, **more})

    def behave(self, how: How) -> None:
        if how is How.IS_GONE:
            self.receiver.__exit__(None, None, None)
        else:
            self.receiver.meanwhile = self.refusal if how is How.REFUSES else MISBEHAVIOUR[how]
            if isinstance(self.receiver.meanwhile, Misbehaviour):
                self.seconds = DEADLINE_SECONDS

    def documents(self) -> list[dict]:
        return [request.document() for request in self.receiver.taken]

    def taken(self) -> list[Taken]:
        return [Taken(self.key(request), self.words(request.document())) for request in self.receiver.taken]


SLACK_PATH = "/services/T0001/B0002/sEcReTsLaCkToKeN"
PAGERDUTY_KEY = "e93facc04764012d7bfb002500d5d1a6"
HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class SlackStand(HttpStand):
    kind = "slack"
    refusal = Answer(404, f"no_service at {SLACK_PATH}")

    def key(self, request: ApiRequest) -> str:
        return request.document()["blocks"][-1]["block_id"]

    def texts(self, message: dict) -> list[dict]:
        """Every text object, and the line for what shows no blocks as if it were one."""
        found = [{"type": "mrkdwn", "text": message["text"]}]
        for block in message["blocks"]:
            found += [block["text"]] if "text" in block else []
            found += [*block.get("fields", ()), *block.get("elements", ())]
        return found

    def words(self, message: dict) -> str:
        shown = [
            re.sub("&lt;", "<", re.sub("&gt;", ">", text["text"])).replace("&amp;", "&")
            if text["type"] == "mrkdwn"
            else text["text"]
            for text in self.texts(message)
        ]
        return "\n".join(shown)

    def harms(self) -> list[str]:
        marked = [text["text"] for each in self.documents() for text in self.texts(each) if text["type"] == "mrkdwn"]
        return [text for text in marked if re.search(r"[<>]|&(?!amp;|lt;|gt;)|[\x00-\x08\x1b\u202e]", text)]


class PagerDutyStand(HttpStand):
    kind = "pagerduty"
    longest = 45_000
    refusal = Answer(400, json.dumps({"status": "invalid event", "errors": [f"{PAGERDUTY_KEY} is not known"]}))

    def key(self, request: ApiRequest) -> str:
        return request.document()["dedup_key"]

    def words(self, event: dict) -> str:
        payload = event.get("payload", {})
        details = payload.get("custom_details", {})
        said = [payload.get("summary", ""), payload.get("component", "")]
        return "\n".join([*said, *(f"{name} {value}" for name, value in details.items())])

    def harms(self) -> list[str]:
        return [
            text for each in self.documents() for text in [self.words(each)] if re.search(r"[\x00\x1b\u202e]", text)
        ]


class WebhookStand(HttpStand):
    kind = "webhook"
    refusal = Answer(401, f"the signature is not right: {HOOK_SECRET}")

    def key(self, request: ApiRequest) -> str:
        return request.headers["webhook-id"]

    def words(self, event: dict) -> str:
        data = event["data"]
        facts = [f"{name} {value}" for name, value in data["facts"].items()]
        return "\n".join([data["subject"], data["text"], data["entity"], *facts])

    def harms(self) -> list[str]:
        return [
            *(text for each in self.documents() for text in [self.words(each)] if re.search(r"[\x00\x1b\u202e]", text)),
            *(name for request in self.receiver.taken for name in request.headers if name == "bcc"),
        ]


@pytest.fixture
def slack_stand():
    with Receiver(slack(SLACK_PATH)) as receiver:
        url = receiver.url + SLACK_PATH
        vault = Vault({"slack": url})
        yield SlackStand(receiver, open_slack, {"url": "secret://slack"}, vault, (url, SLACK_PATH, "sEcReTsLaCkToKeN"))


@pytest.fixture
def pagerduty_stand():
    with Receiver(pagerduty(PAGERDUTY_KEY)) as receiver:
        options = {"key": "secret://pager", "url": f"{receiver.url}/v2/enqueue"}
        yield PagerDutyStand(receiver, open_pagerduty, options, Vault({"pager": PAGERDUTY_KEY}), (PAGERDUTY_KEY,))


@pytest.fixture
def webhook_stand():
    with Receiver(webhook("/hooks", HOOK_SECRET)) as receiver:
        options = {"url": f"{receiver.url}/hooks", "secret": "secret://hook"}
        yield WebhookStand(
            receiver, open_webhook, options, Vault({"hook": HOOK_SECRET}), (HOOK_SECRET, HOOK_SECRET[6:])
        )


MAIL_USER, MAIL_PASSWORD = "lockgate", "p@ss:w/ürd-sEcReT".replace("ü", "u")
SENDER, RECIPIENTS = "lockgate@example.com", ("data@example.com", "team@example.com")


class Mailbox:
    """What a real SMTP server (aiosmtpd) hands us; `answers` go before taking."""

    def __init__(self) -> None:
        self.envelopes = []
        self.answers: dict[str, str] = {}
        self.addresses_refused: dict[str, str] = {}
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        answer = self.answers.get("RCPT") or self.addresses_refused.get(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.envelopes.append(envelope)
        return "250 2.0.0 taken"

    def authenticate(self, server, session, envelope, mechanism, data):
        from aiosmtpd.smtp import AuthResult

        self.logins.append((data.login, data.password))
        is_right = (data.login, data.password) == (MAIL_USER.encode(), MAIL_PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)

    def messages(self):
        return [message_from_bytes(envelope.content, policy=default) for envelope in self.envelopes]


@contextmanager
def mail_server(mailbox: Mailbox, **options) -> Iterator[int]:
    """A real SMTP server on this machine: its port."""
    from aiosmtpd.controller import Controller

    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), ready_timeout=20, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        with suppress(AssertionError):  # it was stopped already
            controller.stop()


class MailStand:
    """Mail over STARTTLS with a login, before a real SMTP server."""

    longest = 130_000

    def __init__(self, mailbox: Mailbox, port: int, trust: ssl.SSLContext, stack: ExitStack) -> None:
        self.mailbox, self._trust, self._stack = mailbox, trust, stack
        self.password = MAIL_PASSWORD
        self.vault = Vault({"smtp": self.address(port)})
        written = self.address(port).split(":")[2].partition("@")[0]
        self.secrets = (MAIL_PASSWORD, self.address(port), written)

    def address(self, port: int) -> str:
        from urllib.parse import quote

        return f"smtp://{MAIL_USER}:{quote(MAIL_PASSWORD, safe='')}@127.0.0.1:{port}"

    def open(self, **more):
        options = {"server": "secret://smtp", "from_": SENDER, "to": list(RECIPIENTS)}
        declaration = NotificationDeclaration("team", "email", options=options)
        patience = Patience(timeout_seconds=5.0, deadline_seconds=self.seconds)
        return open_email(declaration, self.vault, origin=ORIGIN, patience=patience, context=self._trust, **more)

    seconds = 10.0

    def behave(self, how: How) -> None:
        answers = {How.REFUSES: "550 5.1.1 no such user", How.IS_BUSY: "451 4.7.1 later", How.FAILS: "421 4.3.2 down"}
        if how in answers:
            self.mailbox.answers["RCPT"] = f"{answers[how]} {MAIL_PASSWORD}"
            return
        self.seconds = DEADLINE_SECONDS
        port = free_port()
        if how is not How.IS_GONE:
            port = self._stack.enter_context(raw_server(b"2" if how is How.DRIPS else b""))
        self.vault["smtp"] = self.address(port)
        self.secrets = (*self.secrets, self.address(port))

    def taken(self) -> list[Taken]:
        return [
            Taken(message["Message-ID"], message["Subject"] + "\n" + message.get_body(("plain",)).get_content())
            for message in self.mailbox.messages()
        ]

    def harms(self) -> list[str]:
        known = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
        found = [name for message in self.mailbox.messages() for name in message if name not in known]
        found += [str(each.rcpt_tos) for each in self.mailbox.envelopes if tuple(each.rcpt_tos) != RECIPIENTS]
        for message in self.mailbox.messages():
            shown = message.get_body(("html",)).get_content()
            found += re.findall(r"<(?:script|img|a|!channel)\b[^>]*>|[\x00\x1b\u202e]", shown)
            found += re.findall(r"[\x00-\x1f\u202e]", message["Subject"])
        return found


@pytest.fixture
def trust(certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def server_tls(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def serve_mail(mailbox):
    """Starts real SMTP servers: the port of each."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(mail_server(mailbox, **options))


@pytest.fixture
def mail_stand(mailbox, serve_mail, server_tls, trust, monkeypatch):
    monkeypatch.setattr(logging.getLogger("mail.log"), "disabled", True)  # the server's own log
    port = serve_mail(
        tls_context=server_tls, require_starttls=True, auth_required=True, authenticator=mailbox.authenticate
    )
    with ExitStack() as stack:
        yield MailStand(mailbox, port, trust, stack)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself, with its key, in one file."""
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
        " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


@contextmanager
def raw_server(greeting: bytes) -> Iterator[int]:
    """A server that sends `greeting` byte by byte for ever, or nothing at all: its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                while not ended.is_set():
                    time.sleep(0.02)
                    try:
                        connection.sendall(greeting[:1])
                        if not greeting and not connection.recv(100, socket.MSG_DONTWAIT | socket.MSG_PEEK):
                            break
                    except BlockingIOError:
                        continue
                    except OSError:
                        break

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)
