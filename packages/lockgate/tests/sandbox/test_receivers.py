"""The stand-ins refuse what the vendors' documentation refuses, so that passing before them means something."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lockgate.adapters.alerts import pagerduty as pagerduty_adapter
from lockgate.adapters.alerts import slack as slack_adapter
from lockgate.adapters.alerts.webhook import signature
from lockgate.core.plain import json_text
from lockgate.sandbox.alerts import pagerduty, slack, webhook
from lockgate.sandbox.local_server import ApiRequest
from lockgate.testing.alerts import NOTICE

KEY = "e93facc04764012d7bfb002500d5d1a6"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def asked(protocol, document: object, path: str, **headers: str) -> int:
    body = document if isinstance(document, bytes) else json_text(document).encode()
    return protocol(ApiRequest("POST", path, (), headers, body)).status


def changed(document: dict, place: str, value: object) -> dict:
    """A copy with the value at a dotted place replaced."""
    copy = json.loads(json_text(document))
    *parents, last = (int(part) if part.isdecimal() else part for part in place.split("."))
    inside = copy
    for part in parents:
        inside = inside[part]
    inside[last] = value
    return copy


EVENT = pagerduty_adapter.event_of(NOTICE, "inventory.main", KEY)
MESSAGE = slack_adapter.message_of(NOTICE, "inventory.main")


def test_what_lockgate_sends_is_taken():
    assert asked(pagerduty(KEY), EVENT, "/v2/enqueue") == 202
    assert asked(slack("/s"), MESSAGE, "/s") == 200


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("routing_key", "short"),
        ("event_action", "open"),
        ("dedup_key", "x" * 256),
        ("more", 1),
        ("payload.summary", "x" * 1025),
        ("payload.summary", ""),
        ("payload.severity", "fatal"),
        ("payload.source", ""),
        ("payload.timestamp", "yesterday"),
        ("payload.custom_details", "text"),
        ("payload.more", 1),
        ("payload", None),
        ("payload.custom_details.text", "x" * 530_000),
    ],
)
def test_pagerduty_refuses_what_is_not_documented(place, value):
    assert asked(pagerduty(KEY), changed(EVENT, place, value), "/v2/enqueue") == 400


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("blocks", [{}] * 51),
        ("blocks.0.type", "title"),
        ("blocks.0.text.type", "mrkdwn"),
        ("blocks.0.text.text", "x" * 151),
        ("blocks.0.more", 1),
        ("blocks.1.text.text", "x" * 3001),
        ("blocks.1.text.text", ""),
        ("blocks.1.text.emoji", True),
        ("blocks.2.fields", []),
        ("blocks.2.fields", [{"type": "mrkdwn", "text": "x"}] * 11),
        ("blocks.2.fields.0.text", "x" * 2001),
        ("blocks.3.elements", []),
        ("text", "x" * 40_001),
    ],
)
def test_slack_refuses_what_is_not_documented(place, value):
    assert asked(slack("/s"), changed(MESSAGE, place, value), "/s") == 400


@pytest.mark.parametrize(
    "protocol", [pagerduty(KEY), slack("/s"), webhook("/hooks", SECRET)], ids=["pagerduty", "slack", "webhook"]
)
def test_another_path_is_not_there(protocol):
    assert asked(protocol, {}, "/elsewhere") == 404


def test_a_webhook_is_taken_by_its_signature_alone():
    protocol, now = webhook("/hooks", SECRET), int(datetime.now(UTC).timestamp())
    body = json_text({"type": "a.b", "timestamp": replace(NOTICE).at, "data": {}}).encode()

    def answer(message_id="msg_1", moment=now, signed=body, secret=SECRET):
        headers = {"webhook-id": message_id, "webhook-timestamp": str(moment)}
        headers["webhook-signature"] = f"v1a,x {signature(secret, message_id, moment, signed)}"
        return asked(protocol, body, "/hooks", **headers)

    assert answer() == 204
    assert answer(signed=b"{}") == 401
    assert answer(secret="whsec_" + "QUFB" * 8) == 401
    assert answer(moment=now - 301) == 400
    assert answer(message_id="a.b") == 400
    assert asked(protocol, body, "/hooks") == 400
