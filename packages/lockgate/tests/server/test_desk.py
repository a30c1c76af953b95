"""Databases may hang: every request is answered in its time all the same, and those that need none as ever."""

from __future__ import annotations

import re
import threading
from concurrent.futures import Future
from itertools import repeat

import pytest

LIMITS = {"database_seconds": 0.2, "threads": 1, "warm_seconds": 60}


@pytest.fixture
def hung(running, service, monkeypatch):
    """A client of a server whose databases do not answer until the test is over."""
    monkeypatch.setattr("lockgate.server.desk.COUNTING_SECONDS", 0.05)
    goes_on = threading.Event()
    for name in ("job", "jobs", "cancel", "retry", "entities", "set_dbt_enabled", "job_counts"):
        monkeypatch.setattr(service, name, lambda *_, **__: goes_on.wait(20))
    for name in ("submit", "hold"):
        monkeypatch.setattr(service, name, lambda *_, **__: Future())
    client = running(**LIMITS)[1]
    monkeypatch.setattr(service, "check_ready", lambda: goes_on.wait(20))
    yield client
    goes_on.set()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/jobs", {"entityType": "users"}),
        ("POST", "/api/transform", {"entityType": "users"}),
        ("GET", "/api/jobs", None),
        ("GET", "/api/jobs/job-1", None),
        ("POST", "/api/jobs/job-1/cancel", None),
        ("GET", "/api/entities", None),
        ("PUT", "/api/dbt", {"enabled": True}),
        ("GET", "/api/ready", None),
    ],
)
def test_databases_that_hang_are_told_as_what_they_are(hung, method, path, body):
    response = hung.request(method, path, json=body)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "LG605"
    assert response.json()["detail"] == "the control plane or the target has not answered within 0.2 s"


def test_a_runtime_of_flows_that_hangs_has_a_time_of_its_own(running, service, monkeypatch):
    goes_on = threading.Event()
    monkeypatch.setattr(service.flows, "begin", lambda *_, **__: goes_on.wait(20))

    response = running(outside_seconds=0.5)[1].post("/api/flows/nightly/runs")
    goes_on.set()

    assert (response.status_code, response.json()["code"]) == (503, "LG608")
    assert response.json()["detail"] == "the runtime of this flow has not answered within 0.5 s"


def test_figures_health_and_what_needs_no_database_do_not_wait_for_one_that_hangs(hung):
    for _ in repeat(None, 3):
        assert hung.get("/api/jobs").status_code == 503

    assert hung.post("/api/transform", json={"entityType": "users", "fullRefresh": "x" * 20_000}).status_code == 422
    assert hung.get("/api/health").json() == {"status": "ok"}
    figures = [hung.get("/metrics") for _ in repeat(None, 3)]
    assert [response.status_code for response in figures] == [200] * 3
    assert 'lockgate_http_requests_total{method="GET",route="/api/jobs",status="503"} 3.0' in figures[0].text
    assert not re.search("^lockgate_jobs{", figures[0].text, re.MULTILINE)
