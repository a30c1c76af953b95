"""Notices as messages in a Slack channel, by an incoming webhook.

Source: docs.slack.dev, "Sending messages using incoming webhooks", "Formatting message text", "Block Kit: blocks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lockgate.adapters.alerts.posting import Patience, post
from lockgate.adapters.alerts.wording import facts_of, footing, key_of, one_line, paragraph, within
from lockgate.core.notice import Notice, NotificationDeclaration
from lockgate.core.plain import json_text
from lockgate.core.ports import Notifier, Secrets

LONGEST_HEADER = 150
LONGEST_SECTION = 3000
LONGEST_FIELD = 2000
MOST_FIELDS = 10
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def open_slack(
    declaration: NotificationDeclaration, secrets: Secrets, *, origin: str, patience: Patience | None = None
) -> Notifier:
    """The channel that the webhook behind `url` posts to."""
    return Slack(str(declaration.options["url"]), secrets, origin, patience)


@dataclass(frozen=True, slots=True)
class Slack:
    """Fulfils `Notifier`."""

    url: str
    secrets: Secrets
    origin: str
    patience: Patience | None = None

    def send(self, notice: Notice) -> str:
        """See `lockgate.core.ports.Notifier.send`."""
        body = json_text(message_of(notice, self.origin)).encode()
        return post(self.secrets.resolve(self.url), body, {}, (), patience=self.patience)


def message_of(notice: Notice, origin: str) -> dict[str, object]:
    """The notice as Block Kit, and as one line for what shows no blocks.

    Slack knows no keys: programs tell a repetition by the last block's `block_id`.
    """
    subject = one_line(notice.subject, LONGEST_HEADER) or notice.kind
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(subject)}]
    if notice.text.strip():
        text = {"type": "mrkdwn", "text": escaped(paragraph(notice.text, LONGEST_SECTION), LONGEST_SECTION)}
        blocks.append({"type": "section", "text": {**text, "verbatim": True}})
    fields = [
        {"type": "mrkdwn", "text": escaped(f"*{name}*\n{value}", LONGEST_FIELD), "verbatim": True}
        for name, value in facts_of(notice, MOST_FIELDS)
    ]
    if fields:
        blocks.append({"type": "section", "fields": fields})
    below = {"type": "context", "elements": [_plain(footing(notice, origin))]}
    blocks.append({**below, "block_id": key_of(origin, notice.notice_id)})
    shown = escaped(f"{notice.severity}: {subject}", LONGEST_SECTION)
    return {"text": shown, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def escaped(text: str, longest: int) -> str:
    """Text that mentions nobody and links nowhere: the three characters that Slack gives a meaning, as entities."""
    kept = within(text, longest, lambda part: len(part.translate(_ESCAPES)))
    return kept.translate(_ESCAPES)


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}
