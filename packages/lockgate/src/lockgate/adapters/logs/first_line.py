"""Structlog's logger, set up with the first line that is written: most commands write none, and importing it costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# What is still to be done before a line is written.
_waiting: list[Callable[[], None]] = []


def set_up_later(set_up: Callable[[], None]) -> None:
    """Has structlog set up before the next line is written; at once where it is loaded, and others may use it."""
    _waiting[:] = [set_up]
    if "structlog" in sys.modules:
        log()


def log() -> Any:
    """Structlog's logger, set up as it was last asked for."""
    import structlog

    while _waiting:
        _waiting.pop()()
    return structlog.get_logger()
