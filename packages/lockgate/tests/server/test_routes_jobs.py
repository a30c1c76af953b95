"""POST /api/transform and the routes on jobs, over real HTTP."""

from __future__ import annotations

import subprocess
import threading
import time
from concurrent.futures import Future
from dataclasses import replace

import httpx
import pytest

from lockgate.core.job import Failure, JobStatus, TransformRequest
from lockgate.errors import CapabilityMissing, ControlPlaneUnavailable, QueueFull, WarehouseUnavailable

ENGINE_FAILED = Failure(
    "LG503",
    "DbtFailed",
    "users@dbt: model.inventory.fct_users failed: relation raw.users does not exist (models/fct_users.sql)",
    "Mend the node that is named; its compiled SQL is in the file given.",
    {"node": "model.inventory.fct_users", "file": "models/fct_users.sql"},
)
ANSWER = {
    "entityType": "users",
    "engine": "dbt",
    "status": "success",
    "jobId": "job-1",
    "joined": False,
    "routedBy": "route",
    "rows": 3,
    "seconds": 0.375,
    "nodes": [
        {
            "node": "model.inventory.fct_users", "status": "success", "seconds": 0.25, "rows": 3, "failures": None,
            "message": "", "file": "models/fct_users.sql",
        },
        {
            "node": "test.inventory.unique_users", "status": "pass", "seconds": 0.125, "rows": None, "failures": 0,
            "message": "", "file": "models/users.yml",
        },
    ],
    "tests": {"total": 1, "pass": 1},
    "rules": [{"rule": "no email", "outcome": "rejected", "rows": 1, "reason": "email is missing"}],
    "pins": [{"relation": "raw.users", "firstLoad": 4, "lastLoad": 7}],
    "revision": "sha256:51",
    "fallback": None,
}  # fmt: skip


@pytest.fixture
def waiting(running, service):
    """Sends a transformation that waits, from a thread: gives a function that returns its response."""
    threads = []

    def waiting(body, **headers):
        _, client = running()
        got = []
        thread = threading.Thread(target=lambda: got.append(client.post("/api/transform", json=body, headers=headers)))
        thread.start()
        threads.append(thread)
        while not any(service.waiters.values()):
            time.sleep(0.005)

        def response() -> httpx.Response:
            thread.join(20)
            return got[0]

        return response

    yield waiting
    for thread in threads:
        thread.join(20)


def test_the_literal_curl_of_the_specification_gets_the_dbt_results(server, service):
    service.seconds = 0

    done = subprocess.run(
        ["curl", "-sS", "-w", "%{http_code}", f"{server.url}/api/transform", "-d", '{"entityType":"users"}'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    body, status = done.stdout[:-3], done.stdout[-3:]
    assert status == "200"
    assert httpx.Response(200, text=body).json() == ANSWER


def test_what_matters_most_stands_first_in_an_answer(client):
    text = client.post("/api/transform", json={"entityType": "users"}).text

    assert text.startswith('{"entityType":"users","engine":"dbt","status":"success","rows":3,')


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data", "nonsense"])
def test_json_is_read_under_any_content_type(client, kind):
    response = client.post("/api/transform", content=b'{"entityType":"users"}', headers={"Content-Type": kind})

    assert (response.status_code, response.json()) == (200, ANSWER)


def test_everything_that_is_asked_for_reaches_the_service(client, service):
    asked = {
        "entityType": "users",
        "engine": "rules",
        "vars": {"day": "2026-01-31"},
        "fullRefresh": True,
        "again": True,
    }

    assert client.post("/api/transform", json=asked).json()["engine"] == "rules"
    assert service.calls == [
        (TransformRequest("users", "rules", {"day": "2026-01-31"}, full_refresh=True, again=True), "loopback", None)
    ]


def test_a_transformation_that_does_not_end_in_time_is_answered_by_where_to_look(running, service):
    _, client = running(wait_seconds=0)

    response = client.post("/api/transform", json={"entityType": "users"})

    assert response.status_code == 202
    assert response.headers["Location"] == "/api/jobs/job-1"
    assert response.headers["Retry-After"] == "1"
    assert (response.json()["jobId"], response.json()["status"]) == ("job-1", "queued")
    service.succeed("job-1")
    assert client.get(response.headers["Location"]).json()["result"]["rows"] == 3


def test_the_caller_says_how_long_to_wait(running):
    _, client = running(longest_wait_seconds=1)
    began = time.monotonic()

    response = client.post("/api/transform", json={"entityType": "users"}, headers={"Prefer": "wait=600"})

    assert (response.status_code, response.headers["Preference-Applied"]) == (202, "wait=1")
    assert 1 <= time.monotonic() - began < 10


def test_a_job_that_ends_while_it_is_waited_for_is_answered(waiting, service):
    response = waiting({"entityType": "users"})

    service.succeed("job-1")

    assert (response().status_code, response().json()) == (200, ANSWER)


def test_a_transformation_that_failed_tells_the_node_and_the_databases_words(waiting, service):
    response = waiting({"entityType": "users"})

    service.fail("job-1", ENGINE_FAILED)

    assert response().status_code == 424
    assert response().headers["Content-Type"] == "application/problem+json"
    assert response().json() == {
        "type": "urn:lockgate:problem:LG503",
        "title": "The transformation failed",
        "status": 424,
        "detail": ENGINE_FAILED.message,
        "instance": "/api/jobs/job-1",
        "code": "LG503",
        "hint": ENGINE_FAILED.hint,
        "jobId": "job-1",
        "entityType": "users",
        "error": "DbtFailed",
        "nodes": [{"node": "model.inventory.fct_users", "file": "models/fct_users.sql"}],
    }


def test_a_transformation_that_may_succeed_later_says_when_to_ask_again(waiting, service):
    response = waiting({"entityType": "users"})
    busy = "the lock 'run' is held by process 51 on host, since 2024-02-29T12:00:00+00:00, which is stopped; waited 5 s"

    service.fail("job-1", Failure("LG603", "TargetBusy", busy, "Wait for it, or raise --wait."))

    assert (response().status_code, response().headers["Retry-After"]) == (503, "5")
    assert (response().json()["code"], response().json()["detail"], response().json()["jobId"]) == (
        "LG603", busy, "job-1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "nodes"),
    [
        ({}, []),
        ({"nodes": ["model.a.b", "model.a.c"]}, [{"node": "model.a.b"}, {"node": "model.a.c"}]),
        (
            {
                "node": "test.a.b",
                "file": "b.sql",
                "nodes": [{"node": "test.a.b", "status": "fail", "message": "3 rows"}],
            },
            [{"node": "test.a.b", "status": "fail", "message": "3 rows"}],
        ),
        ({"node": "model.a.b", "nodes": ["model.a.c"]}, [{"node": "model.a.b"}, {"node": "model.a.c"}]),
    ],
)
def test_each_node_that_failed_is_told_once(running, service, fields, nodes):
    _, client = running()
    client.post("/api/transform", json={"entityType": "users"}, headers={"Idempotency-Key": "k", "Prefer": "wait=0"})
    service.fail("job-1", Failure("LG506", "DbtTestFailed", "a test found rows", fields=fields))

    response = client.post("/api/transform", json={"entityType": "users"}, headers={"Idempotency-Key": "k"})

    assert (response.status_code, response.json()["nodes"]) == (424, nodes)


def test_a_transformation_that_was_cancelled_conflicts(waiting, service):
    response = waiting({"entityType": "users"})

    service.cancel("job-1")

    assert response().status_code == 409
    assert (response().json()["code"], response().json()["jobId"]) == ("LG705", "job-1")


def test_an_answer_in_anothers_place_tells_who_failed_and_why(waiting, service):
    response = waiting({"entityType": "users"})

    service.succeed("job-1", fallen_back=ENGINE_FAILED)

    assert response().json()["fallback"] == {
        "from": "dbt",
        "code": "LG503",
        "error": "DbtFailed",
        "message": ENGINE_FAILED.message,
        "hint": ENGINE_FAILED.hint,
    }


def test_where_the_other_one_fails_too_both_are_told(waiting, service, server):
    response = waiting({"entityType": "users"})
    instead = {
        "engine": "rules", "code": "LG201", "error": "RuleSetInvalid", "message": "there is no emial", "hint": "Look.",
    }  # fmt: skip

    service.fail("job-1", replace(ENGINE_FAILED, fields={"fallback": instead}))

    assert (response().status_code, response().json()["code"]) == (424, "LG503")
    assert response().json()["fallback"] == instead
    assert httpx.get(f"{server.url}/api/jobs/job-1").json()["failure"] == {
        "code": "LG503", "error": "DbtFailed", "message": ENGINE_FAILED.message, "hint": ENGINE_FAILED.hint,
        "fallback": instead,
    }  # fmt: skip


def test_records_are_answered_at_once_each_with_its_outcome(client):
    records = [{"email": "ü@example.org", "n": 1.5}, {"email": None}]

    response = client.post("/api/transform", json={"entityType": "users", "records": records})

    assert response.status_code == 200
    assert response.json() == {
        "entityType": "users",
        "engine": "rules",
        "engines": {"rules": 2},
        "records": 2,
        "fallback": None,
        "scope": "row",
        "outcomes": [
            {"index": 0, "engine": "rules", "status": "ok", "reason": None, "output": records[0]},
            {"index": 1, "engine": "rules", "status": "rejected", "reason": "email is missing", "output": None},
        ],
    }


def test_no_records_have_no_outcomes(client):
    response = client.post("/api/transform", json={"entityType": "users", "records": []})

    assert (response.status_code, response.json()["outcomes"]) == (200, [])


def test_records_of_an_entity_without_rules_conflict(client):
    response = client.post("/api/transform", json={"entityType": "applications", "records": [{}]})

    assert (response.status_code, response.json()["code"]) == (409, CapabilityMissing.code)


def test_records_that_find_the_queue_full_are_asked_to_come_back_when_it_is_done(client, service):
    service.fails_with = QueueFull(retry_seconds=7)

    response = client.post("/api/transform", json={"entityType": "users", "records": [{}]})

    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert (response.json()["code"], response.json()["type"]) == ("LG610", "urn:lockgate:problem:LG610")


def test_records_whose_client_hangs_up_while_they_wait_are_given_up(running, service, monkeypatch):
    monkeypatch.setattr("lockgate.server.waiting.MOMENT_SECONDS", 0.0)
    asked, given_up = Future(), threading.Event()
    asked.add_done_callback(lambda future: given_up.set() if future.cancelled() else None)
    service.transform_records = lambda *_: asked
    _, client = running()

    with pytest.raises(httpx.ReadTimeout):
        client.post("/api/transform", json={"entityType": "users", "records": [{}]}, timeout=0.2)

    assert given_up.wait(20)
    assert service.access.audit(action="records") == ()


def test_an_unknown_entity_is_told_with_its_nearest_names(client, service):
    response = client.post("/api/transform", json={"entityType": "user"})

    assert (response.status_code, response.json()["code"], response.json()["nearest"]) == (404, "LG102", ["users"])
    assert service.calls == []


@pytest.mark.parametrize("error", [ControlPlaneUnavailable(), WarehouseUnavailable("the target is away")])
def test_a_database_that_is_gone_asks_to_come_back(client, service, error):
    service.fails_with = error

    response = client.post("/api/transform", json={"entityType": "users"})

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert (response.json()["code"], response.json()["detail"]) == (error.code, error.message)


def test_a_database_that_goes_while_a_job_is_waited_for_tells_where_the_job_is(running, service):
    _, client = running()
    service.ended = lambda job_id: _failed(ControlPlaneUnavailable())

    response = client.post("/api/transform", json={"entityType": "users"})

    assert response.status_code == 503
    assert (response.headers["Location"], response.json()["jobId"]) == ("/api/jobs/job-1", "job-1")


def _failed(error):
    from concurrent.futures import Future

    future = Future()
    future.set_exception(error)
    return future


def test_a_job_is_submitted_without_waiting(running):
    _, client = running()

    response = client.post("/api/jobs", json={"entityType": "users", "vars": {"a": [1, None]}})

    assert (response.status_code, response.headers["Location"]) == (202, "/api/jobs/job-1")
    assert response.json() == {
        "jobId": "job-1",
        "entityType": "users",
        "engine": None,
        "fullRefresh": False,
        "again": False,
        "status": "queued",
        "joined": False,
        "executionId": "execution-job-1",
        "attempts": 0,
        "caller": "loopback",
        "submittedAt": "2026-01-31T05:00:00Z",
        "startedAt": None,
        "finishedAt": None,
        "vars": {"a": [1, None]},
        "result": None,
        "failure": None,
    }


def test_a_job_that_is_final_already_is_answered_as_such(running, service):
    _, client = running()
    headers = {"Idempotency-Key": "k-1"}
    client.post("/api/jobs", json={"entityType": "users"}, headers=headers)
    service.fail("job-1", ENGINE_FAILED)

    response = client.post("/api/jobs", json={"entityType": "users"}, headers=headers)

    assert (response.status_code, response.headers["Location"]) == (200, "/api/jobs/job-1")
    assert (response.json()["status"], response.json()["failure"]["code"]) == ("failed", "LG503")


def test_jobs_are_listed_newest_first_page_by_page(running, service):
    _, client = running()
    for _ in range(3):
        client.post("/api/jobs", json={"entityType": "users"})
    client.post("/api/jobs", json={"entityType": "applications"})
    service.succeed("job-2")

    first = client.get("/api/jobs", params={"entity": "users", "limit": 2}).json()
    second = client.get("/api/jobs", params={"entity": "users", "limit": 2, "before": first["next"]}).json()
    ended = client.get("/api/jobs", params={"status": "success"}).json()

    assert [job["jobId"] for job in first["jobs"]] == ["job-3", "job-2"]
    assert ([job["jobId"] for job in second["jobs"]], second["next"]) == (["job-1"], None)
    assert [job["jobId"] for job in ended["jobs"]] == ["job-2"]


@pytest.mark.parametrize(
    ("query", "parameter", "detail"),
    [
        ("limit=0", "limit", "should be greater than or equal to 1"),
        ("limit=1001", "limit", "should be less than or equal to 1000"),
        ("status=done", "status", "should be 'queued', 'running', 'success', 'failed' or 'cancelled'"),
        ("entitty=users", "entitty", "is not known; did you mean entity?"),
        ("before=%00", "before", "string should match pattern '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$'"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(client, query, parameter, detail):
    response = client.get(f"/api/jobs?{query}")

    assert (response.status_code, response.json()["code"]) == (422, "LG801")
    assert response.json()["errors"] == [{"detail": detail, "parameter": parameter}]


def test_a_job_is_cancelled_once(running):
    _, client = running()
    client.post("/api/jobs", json={"entityType": "users"})

    first = client.post("/api/jobs/job-1/cancel")
    second = client.post("/api/jobs/job-1/cancel")

    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert (second.status_code, second.json()["code"]) == (409, "LG703")


def test_a_job_that_was_cancelled_can_be_tried_again(running, service):
    _, client = running()
    client.post("/api/jobs", json={"entityType": "users"})
    client.post("/api/jobs/job-1/cancel")

    response = client.post("/api/jobs/job-1/retry")

    assert (response.status_code, response.headers["Location"]) == (202, "/api/jobs/job-1")
    assert service.job("job-1").status is JobStatus.QUEUED


def test_a_job_that_succeeded_is_not_tried_again(client):
    client.post("/api/transform", json={"entityType": "users"})

    assert client.post("/api/jobs/job-1/retry").status_code == 409


@pytest.mark.parametrize("job_id", ["job-9", "%00", "a%20b", "x" * 200, "%ff", "-"])
def test_an_unknown_job_is_not_found(client, job_id):
    response = client.get(f"/api/jobs/{job_id}")

    assert (response.status_code, response.json()["code"]) == (404, "LG102")


def test_a_parameter_that_stands_there_twice_is_refused(client):
    response = client.get("/api/jobs?limit=2&entity=users&limit=3")

    assert (response.status_code, response.json()["code"]) == (422, "LG801")
    assert response.json()["errors"] == [{"detail": "stands there twice", "parameter": "limit"}]


def test_jobs_of_an_entity_that_is_not_there_are_not_none(client):
    response = client.get("/api/jobs?entity=Userz")

    assert (response.status_code, response.json()["code"], response.json()["nearest"]) == (404, "LG102", ["users"])
    assert client.get("/api/jobs?entity=applications").json() == {"jobs": [], "next": None}


def test_jobs_behind_one_that_is_not_there_are_not_none(client):
    response = client.get("/api/jobs?before=nobody")

    assert (response.status_code, response.json()["code"]) == (404, "LG102")
