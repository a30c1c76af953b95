"""Log lines go to standard error, at the level asked for, without secrets."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from lockgate.adapters.logs.structured import configure_logs, warn
from lockgate.core.correlation import correlated


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    structlog.reset_defaults()


def hide(text: str) -> str:
    return text.replace("hunter22", "***")


def test_json_lines_on_standard_error_hide_secrets_wherever_they_stand(capsys):
    configure_logs(as_json=True, level="info", redact=hide)

    structlog.get_logger().info(
        "connecting", url="pg://hunter22", more={"a": ["hunter22", 1]}, error=ValueError("hunter22")
    )

    out, err = capsys.readouterr()
    event = json.loads(err)
    assert out == ""
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "connecting",
        "level": "info",
        "url": "pg://***",
        "more": {"a": ["***", 1]},
        "error": "***",
    }


def test_less_grave_lines_are_left_out(capsys):
    configure_logs(as_json=False, level="warning", redact=hide)

    structlog.get_logger().info("small")
    warn("large")

    assert "large" in (err := capsys.readouterr().err)
    assert "small" not in err


def test_lines_of_the_standard_library_have_the_id_of_the_request_that_they_are_about(capsys):
    configure_logs(as_json=True, level="info", redact=hide)

    with correlated("order-51"):
        logging.getLogger("lockgate.app").info("execution ended", extra={"facts": {"rows": 3}})
    logging.getLogger("lockgate.app").info("nobody's")

    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["event"], first["correlation_id"], first["rows"]) == ("execution ended", "order-51", 3)
    assert "correlation_id" not in second
