"""What is written down of a request, and what nobody foresaw."""

from __future__ import annotations

import pytest
import structlog
from structlog.testing import LogCapture

from lockgate.adapters.logs.structured import with_correlation
from lockgate.errors import ControlPlaneUnavailable


@pytest.fixture
def log():
    """What is logged, with what is bound to the request."""
    capture = LogCapture()
    structlog.configure(processors=[with_correlation, capture])
    return capture.entries


def lines(client, log) -> list[dict[str, object]]:
    """The lines so far: those of a request stand there before the next one on its connection is read."""
    client.get("/api/health")
    return [line for line in log if line.get("route") != "/api/health"]


def test_a_request_is_one_line_without_its_body(client, log):
    client.post("/api/transform", json={"entityType": "users"}, headers={"X-Correlation-Id": "order-51"})

    (line,) = lines(client, log)
    seconds = line.pop("seconds")
    assert 0 < seconds < 20
    assert line == {
        "event": "request", "log_level": "info", "correlation_id": "order-51", "method": "POST",
        "path": "/api/transform", "route": "/api/transform", "status": 200, "bytes": line["bytes"],
        "caller": "loopback",
    }  # fmt: skip


def test_a_refused_caller_and_an_unknown_path_have_a_line_too(client, log):
    client.get("/api/secret-51", headers={"Origin": "http://evil.example"})
    client.get("/api/secret-51")

    assert [(line["status"], line["route"], line["caller"]) for line in lines(client, log)] == [
        (403, "unmatched", "refused"), (404, "unmatched", "loopback"),
    ]  # fmt: skip
    assert "secret-51" not in str(log)


def test_probes_are_lines_for_whoever_looks_closely_unless_they_fail(client, service, log):
    for path in ("/api/health", "/api/ready", "/metrics"):
        assert client.get(path).status_code == 200
    service.fails_with = ControlPlaneUnavailable()
    assert client.get("/api/ready").status_code == 503
    client.get("/api/jobs")

    probes = [(line["route"], line["status"], line["log_level"]) for line in log if line["event"] == "request"]
    assert probes[:4] == [
        ("/api/health", 200, "debug"), ("/api/ready", 200, "debug"), ("/metrics", 200, "debug"),
        ("/api/ready", 503, "info"),
    ]  # fmt: skip


def test_a_line_has_the_path_without_what_was_asked_by_it(client, log):
    client.get("/api/jobs/no%0Ajob?token=secret-51")
    client.get("/api/jobs?entity=secret-51")

    assert [(line["path"], line["route"]) for line in lines(client, log)] == [
        ("/api/jobs/no%0Ajob", "/api/jobs/{job_id}"), ("/api/jobs", "/api/jobs"),
    ]  # fmt: skip
    assert "secret-51" not in str(log)


def test_what_the_service_logs_carries_the_id_of_the_request(client, service, log):
    def said(job_id):
        structlog.get_logger().info("looked up")
        raise service.fails_with

    service.fails_with = RuntimeError("secret-51")
    service.job = said

    client.get("/api/jobs/job-1", headers={"X-Correlation-Id": "o-1"})

    assert [(line["event"], line["correlation_id"]) for line in lines(client, log)] == [
        ("looked up", "o-1"), ("a request failed", "o-1"), ("request", "o-1"),
    ]  # fmt: skip


def test_what_nobody_foresaw_is_told_without_its_words(client, service, log):
    service.fails_with = RuntimeError("password secret-51")

    response = client.post("/api/transform", json={"entityType": "users"}, headers={"X-Correlation-Id": "order-51"})

    assert response.status_code == 500
    assert response.json() == {
        "type": "urn:lockgate:problem:LG811",
        "title": "The server failed",
        "status": 500,
        "detail": "the log tells why, under the correlation id",
        "code": "LG811",
        "instance": "/api/transform",
        "correlationId": "order-51",
    }
    assert lines(client, log)[0]["exc_info"] is service.fails_with


def test_more_requests_than_there_is_room_for_are_refused(running):
    _, client = running(requests=0)

    response = client.get("/api/health")

    assert (response.status_code, response.headers["Retry-After"], response.json()["code"]) == (503, "5", "LG810")
