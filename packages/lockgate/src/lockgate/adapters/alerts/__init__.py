"""Channels over which notices go: mail, Slack, PagerDuty, and signed webhooks."""
