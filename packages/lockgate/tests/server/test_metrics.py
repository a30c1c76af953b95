"""What Prometheus reads."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lockgate.app.shadowing import Compared
from lockgate.core.job import Failure
from lockgate.errors import ControlPlaneUnavailable


@pytest.fixture
def figures(client):
    """Gives the value of a sample by its name and labels; None where there is none."""

    def figures(name: str, **labels: str) -> float | None:
        families = text_string_to_metric_families(client.get("/metrics").text)
        found = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(found) <= 1
        return found[0] if found else None

    return figures


def test_requests_are_counted_by_route_not_by_path(client, figures):
    for number in range(3):
        client.get(f"/api/jobs/job-{number}")
        client.get(f"/nowhere/{number}")
    client.request("BREW", "/api/jobs")

    assert figures("lockgate_http_requests_total", method="GET", route="/api/jobs/{job_id}", status="404") == 3
    assert figures("lockgate_http_requests_total", method="GET", route="unmatched", status="404") == 3
    assert figures("lockgate_http_requests_total", method="other", status="405") == 1
    assert figures("lockgate_http_request_seconds_count", method="GET", route="/api/jobs/{job_id}") == 3
    assert figures("lockgate_http_requests_in_flight") == 1


def test_a_job_is_counted_once_however_often_its_request_is_sent(client, figures):
    for _ in range(3):
        client.post("/api/transform", json={"entityType": "users"}, headers={"Idempotency-Key": "k"})
    client.post("/api/transform", json={"entityType": "users", "engine": "rules"})

    assert figures("lockgate_jobs_submitted_total", entity="users", engine="routed") == 1
    assert figures("lockgate_jobs_submitted_total", entity="users", engine="rules") == 1
    assert figures("lockgate_jobs_ended_total", entity="users", engine="dbt", status="success") == 1
    assert figures("lockgate_executions_total", entity="users", engine="dbt", status="success") == 1
    assert figures("lockgate_fallbacks_total") is None


def test_names_that_do_not_exist_are_no_labels(client, figures):
    client.post("/api/transform", json={"entityType": "secret-51"})

    assert "secret-51" not in client.get("/metrics").text


def test_ends_are_counted_though_nobody_waits(client, service, figures):
    service.seconds = None
    for _ in range(3):
        client.post("/api/jobs", json={"entityType": "users"})
    service.succeed("job-1", fallen_back=Failure("LG503", "DbtFailed", "no"))
    service.cancel("job-2")

    assert figures("lockgate_fallbacks_total", entity="users", engine="dbt") == 1
    assert figures("lockgate_jobs_ended_total", entity="users", engine="routed", status="cancelled") == 1
    assert [figures("lockgate_jobs", status=status) for status in ("queued", "running", "success")] == [1, 0, 1]
    assert figures("lockgate_jobs", status="cancelled") == 1


def test_a_fallback_that_failed_too_is_counted(client, service, figures):
    service.seconds = None
    client.post("/api/jobs", json={"entityType": "users"})
    service.fail("job-1", Failure("LG503", "DbtFailed", "no", fields={"fallback": {"engine": "rules"}}))

    assert figures("lockgate_executions_total", entity="users", engine="routed", status="failed") == 1
    assert figures("lockgate_fallbacks_total", entity="users", engine="rules") == 1


def test_routes_and_what_both_sides_said_are_counted(client, service, figures):
    client.post("/api/entities/users/cutover/rollback", json={"reason": "looks odd"})
    for compared in (Compared("users", equal=8, wrong=2, errors=1), Compared("users", equal=1, dropped=5)):
        service.comparing[0](compared)

    assert figures("lockgate_shadow_records_total", entity="users", result="equal") == 9
    assert figures("lockgate_shadow_records_total", entity="users", result="wrong") == 2
    assert figures("lockgate_shadow_errors_total", entity="users") == 1
    assert figures("lockgate_shadow_dropped_total", entity="users") == 5
    assert figures("lockgate_rollbacks_total", entity="users") == 1
    assert [figures("lockgate_route_share", entity=name) for name in ("users", "applications")] == [0, 1]
    stages = [figures("lockgate_route_stage", entity="users", stage=stage) for stage in ("shadow", "promoted")]
    assert stages == [1, 0]


def test_figures_are_there_while_the_control_plane_is_not(client, service, figures):
    service.fails_with = ControlPlaneUnavailable()

    assert figures("lockgate_http_requests_in_flight") == 1
    assert figures("lockgate_jobs", status="queued") is None
    assert figures("lockgate_route_share", entity="users") is None


def test_executions_are_counted_as_they_ended(client, service, figures):
    service.seconds = None
    client.post("/api/jobs", json={"entityType": "users"})
    service.fail("job-1", Failure("LG503", "DbtFailed", "no"))

    assert figures("lockgate_executions_total", entity="users", engine="routed", status="failed") == 1
