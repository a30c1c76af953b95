"""Logs: one event a line on standard error, for people or as JSON, without secrets."""
