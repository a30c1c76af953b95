"""Brings what a vendor logs by the standard library into the structured log."""

from __future__ import annotations

import logging

import structlog


class Forwarder(logging.Handler):
    """Hands log records on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record as an event, under the vendor's name."""
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, exc_info=error)


def forward_log(name: str) -> None:
    """From now on, what the logger of that name is told goes to the structured log alone."""
    logger = logging.getLogger(name)
    logger.handlers = [Forwarder()]
    logger.propagate = False
    logger.setLevel(logging.INFO)
