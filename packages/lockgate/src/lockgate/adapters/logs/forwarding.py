"""Brings what is logged by the standard library, by us or by a vendor, into the structured log."""

from __future__ import annotations

import logging

from lockgate.adapters.logs.first_line import log


class Forwarder(logging.Handler):
    """Hands log records on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record as an event, under its logger's name, with the `facts` that it carries as `extra`."""
        error = record.exc_info[1] if record.exc_info else None
        facts = {"exc_info": error} if error else {}
        facts |= getattr(record, "facts", {})
        log().log(record.levelno, record.getMessage(), logger=record.name, **facts)


def forward_log(name: str, level: int = logging.INFO, *, alone: bool = True) -> None:
    """From now on, what the logger of that name is told at `level` or graver goes to the structured log.

    It goes nowhere else, where it is to go there `alone`.
    """
    logger = logging.getLogger(name)
    logger.handlers = [Forwarder()]
    logger.propagate = not alone
    logger.setLevel(level)
