"""A stand-in for PagerDuty's Events API v2: it takes what the documentation of alert events allows, and nothing else.

Source: developer.pagerduty.com, "Events API v2: Send an Alert Event" (parameters) and "Overview" (status codes, size).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from lockgate.sandbox.alerts.receiver import Answer, Protocol
from lockgate.sandbox.local_server import ApiRequest

ENQUEUE = "/v2/enqueue"
LARGEST_BYTES = 512 * 1024
LONGEST_SUMMARY, LONGEST_KEY, KEY_LENGTH = 1024, 255, 32
ACTIONS = {"trigger", "acknowledge", "resolve"}
SEVERITIES = {"critical", "error", "warning", "info"}
_OF_EVENT = {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}
_OF_PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


def pagerduty(key: str) -> Protocol:
    """The integration whose key it is."""

    def answer(request: ApiRequest) -> Answer:
        if request.path != ENQUEUE:
            return Answer(404)
        try:
            event = request.document()
        except ValueError:
            event = None
        found = list(faults(event, key)) if isinstance(event, dict) else ["Event object is not JSON"]
        if len(request.body) > LARGEST_BYTES:
            found = ["Event object is too large"]
        if found:
            body = {"status": "invalid event", "message": "Event object is invalid", "errors": found}
            return Answer(400, json.dumps(body))
        assert isinstance(event, dict)  # noqa: S101  it has no fault
        body = {"status": "success", "message": "Event processed", "dedup_key": str(event.get("dedup_key", "made"))}
        return Answer(202, json.dumps(body))

    return answer


def faults(event: dict[str, Any], key: str) -> Iterator[str]:
    """What is against the documentation in an event."""
    if set(event) - _OF_EVENT:
        yield f"unknown: {set(event) - _OF_EVENT}"
    if event.get("routing_key") != key or len(key) != KEY_LENGTH:
        yield f"'routing_key' {event.get('routing_key')!r} is unknown or not of 32 characters"
    if event.get("event_action") not in ACTIONS:
        yield "'event_action' is invalid"
    if not 1 <= len(str(event.get("dedup_key", "made"))) <= LONGEST_KEY:
        yield "'dedup_key' is longer than 255 characters"
    if event.get("event_action") == "trigger":
        yield from _payload(event.get("payload"))
    elif "dedup_key" not in event:
        yield "'dedup_key' is missing"


def _payload(payload: Any) -> Iterator[str]:
    if not isinstance(payload, dict) or set(payload) - _OF_PAYLOAD:
        yield "'payload' is missing or holds unknown keys"
        return
    if not 1 <= len(str(payload.get("summary", ""))) <= LONGEST_SUMMARY:
        yield "'payload.summary' has 1 to 1024 characters"
    if payload.get("severity") not in SEVERITIES:
        yield "'payload.severity' is invalid"
    if not payload.get("source"):
        yield "'payload.source' is missing or blank"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' is no object"
    try:
        datetime.fromisoformat(payload.get("timestamp", "2015-07-17T08:42:58.315+00:00"))
    except ValueError:
        yield "'payload.timestamp' is not ISO 8601"
