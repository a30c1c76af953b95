"""Sets structlog up: where log lines go, how they look, what is left out of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

from lockgate.adapters.logs.first_line import log, set_up_later
from lockgate.adapters.logs.forwarding import forward_log
from lockgate.core.correlation import correlation_id

LEVELS: Mapping[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logs(*, as_json: bool, level: str, redact: Callable[[str], str]) -> None:
    """From now on, log events at `level` or graver go to standard error, every text in them through `redact`."""
    set_up_later(partial(_set_up, as_json=as_json, level=LEVELS[level], redact=redact))
    forward_log("lockgate", LEVELS[level], alone=False)


def _set_up(*, as_json: bool, level: int, redact: Callable[[str], str]) -> None:
    import structlog

    def redacted(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Hides secrets wherever they stand in an event."""
        return {key: _without_secrets(value, redact) for key, value in event.items()}

    looks = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            with_correlation,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redacted,
            looks,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whatever standard error is by then
        cache_logger_on_first_use=False,
    )


def with_correlation(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An event with the id of the request that is worked for, where there is one; a processor of structlog's."""
    bound = correlation_id()
    return event if bound is None else {"correlation_id": bound, **event}


def warn(sentence: str) -> None:
    """Logs what a person should look at, though nothing failed."""
    log().warning(sentence)


def _without_secrets(value: Any, redact: Callable[[str], str]) -> Any:
    """A value with `redact` applied to every text in it."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _without_secrets(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets(item, redact) for item in value]
    return value if isinstance(value, int | float | bool | None) else redact(str(value))
