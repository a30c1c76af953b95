"""Notices as JSON to an address of one's own, signed so that the receiver can tell who sent them.

Source: Standard Webhooks specification 1.0.0 (github.com/standard-webhooks/standard-webhooks), symmetric signatures.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from lockgate.adapters.alerts.posting import Patience, post
from lockgate.adapters.alerts.wording import facts_of, key_of, one_line, paragraph, within
from lockgate.core.notice import Notice, NotificationDeclaration
from lockgate.core.plain import json_text
from lockgate.core.ports import Clock, Notifier, Secrets
from lockgate.errors import NoticeRefused

SECRET_PREFIX = "whsec_"
SHORTEST_SECRET_BYTES, LONGEST_SECRET_BYTES = 24, 64
LONGEST_SUBJECT = 300
LONGEST_TEXT_BYTES = 8_000
MOST_FACTS = 10


def _now() -> datetime:
    return datetime.now(UTC)


def open_webhook(
    declaration: NotificationDeclaration,
    secrets: Secrets,
    *,
    origin: str,
    patience: Patience | None = None,
    clock: Clock = _now,
) -> Notifier:
    """The receiver at `url`, which knows the key behind `secret`."""
    options = declaration.options
    return Webhook(str(options["url"]), str(options["secret"]), secrets, origin, patience, clock)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Fulfils `Notifier`."""

    url: str
    secret: str
    secrets: Secrets
    origin: str
    patience: Patience | None = None
    clock: Clock = _now

    def send(self, notice: Notice) -> str:
        """See `lockgate.core.ports.Notifier.send`."""
        secret = self.secrets.resolve(self.secret)
        body = json_text(event_of(notice, self.origin)).encode()
        message_id = f"msg_{key_of(self.origin, notice.notice_id)}"
        seconds = int(self.clock().timestamp())
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature(secret, message_id, seconds, body),
        }
        return post(self.secrets.resolve(self.url), body, headers, (secret,), patience=self.patience)


def event_of(notice: Notice, origin: str) -> dict[str, object]:
    """The notice as the specification's `type`, `timestamp` and `data`; at most 20 kB of JSON."""
    data = {
        "id": _short(notice.notice_id),
        "about": _short(notice.matter),
        "origin": _short(origin),
        "entity": _short(notice.entity),
        "severity": notice.severity,
        "is_recovery": notice.is_recovery,
        "subject": within(one_line(notice.subject, LONGEST_SUBJECT), 2 * LONGEST_SUBJECT, _json_bytes),
        "text": within(paragraph(notice.text, LONGEST_TEXT_BYTES), LONGEST_TEXT_BYTES, _json_bytes),
        "facts": {
            name: _short(value) if isinstance(value, str) else value
            for (name, _), value in zip(facts_of(notice, MOST_FACTS), notice.facts.values(), strict=False)
        },
    }
    return {"type": f"lockgate.{_short(notice.kind)}", "timestamp": notice.at, "data": data}


def _short(text: str) -> str:
    return within(one_line(text, LONGEST_SUBJECT), LONGEST_SUBJECT, _json_bytes)


def _json_bytes(text: str) -> int:
    return len(json_text(text).encode())


def signature(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 over id, time and body, in base64 behind its version.

    Raises:
        NoticeRefused: the secret is not `whsec_` and 24 to 64 bytes in base64.
    """
    try:
        key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not SHORTEST_SECRET_BYTES <= len(key) <= LONGEST_SECRET_BYTES:
        hint = 'Make one with `echo "whsec_$(openssl rand -base64 32)"`, and give it to the receiver too.'
        raise NoticeRefused("the webhook's secret is not whsec_ and 24 to 64 bytes in base64", hint=hint)
    signed = b".".join((message_id.encode("ascii"), str(seconds).encode("ascii"), body))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode('ascii')}"
