"""Local stand-ins for the receivers of notices: ours, not the vendors', strict about what the vendors document."""

from __future__ import annotations

from lockgate.sandbox.alerts.pagerduty import pagerduty
from lockgate.sandbox.alerts.receiver import Answer, Misbehaviour, Receiver
from lockgate.sandbox.alerts.slack import slack
from lockgate.sandbox.alerts.webhook import webhook

__all__ = ["Answer", "Misbehaviour", "Receiver", "pagerduty", "slack", "webhook"]
