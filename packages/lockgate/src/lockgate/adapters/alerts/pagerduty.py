"""Notices as alerts of a PagerDuty service, opened and resolved by the Events API v2.

Source: developer.pagerduty.com, "Events API v2: Send an Alert Event" and "Overview" (limits, status codes).
"""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.adapters.alerts.posting import Patience, post
from lockgate.adapters.alerts.wording import facts_of, key_of, one_line, paragraph
from lockgate.core.notice import Notice, NotificationDeclaration, Severity
from lockgate.core.plain import json_text
from lockgate.core.ports import Notifier, Secrets

ENDPOINT = "https://events.pagerduty.com/v2/enqueue"
LONGEST_SUMMARY = 1024
LONGEST_TEXT = 20_000  # an event may take 512 KB
MOST_FACTS = 50
_SEVERITIES = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


def open_pagerduty(
    declaration: NotificationDeclaration, secrets: Secrets, *, origin: str, patience: Patience | None = None
) -> Notifier:
    """The service whose integration key is behind `key`."""
    options = declaration.options
    return PagerDuty(str(options["key"]), str(options.get("url", ENDPOINT)), secrets, origin, patience)


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """Fulfils `Notifier`."""

    key: str
    url: str
    secrets: Secrets
    origin: str
    patience: Patience | None = None

    def send(self, notice: Notice) -> str:
        """See `lockgate.core.ports.Notifier.send`."""
        key = self.secrets.resolve(self.key)
        body = json_text(event_of(notice, self.origin, key)).encode()
        return post(self.secrets.resolve(self.url), body, {}, (key,), patience=self.patience)


def event_of(notice: Notice, origin: str, key: str) -> dict[str, object]:
    """A trigger, or for what is over a resolve; both under the key of what they are about."""
    event: dict[str, object] = {"routing_key": key, "dedup_key": key_of(origin, notice.matter)}
    if notice.is_recovery:
        return {**event, "event_action": "resolve"}
    payload: dict[str, object] = {
        "summary": one_line(notice.subject, LONGEST_SUMMARY) or notice.kind,
        "source": origin,
        "severity": _SEVERITIES[notice.severity],
        "timestamp": notice.at.isoformat(timespec="milliseconds"),
        "class": one_line(notice.kind, LONGEST_SUMMARY),
        "custom_details": {"text": paragraph(notice.text, LONGEST_TEXT), **dict(facts_of(notice, MOST_FACTS))},
    }
    if notice.entity:
        payload["component"] = one_line(notice.entity, LONGEST_SUMMARY)
    return {**event, "event_action": "trigger", "client": "Lockgate", "payload": payload}
