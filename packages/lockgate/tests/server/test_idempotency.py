"""Sending a request twice is sending it once."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from lockgate.core.job import Failure

BODY = {"entityType": "users"}
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
RECORDS = {"entityType": "users", "records": [{"email": "a"}, {}]}


def test_the_same_key_joins_the_same_job(running, service):
    _, client = running(wait_seconds=0)

    first = client.post("/api/transform", json=BODY, headers=KEY)
    second = client.post("/api/transform", json=BODY, headers=KEY)

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.headers["Location"] == second.headers["Location"] == "/api/jobs/job-1"
    assert [len(service.jobs()), len(service.calls)] == [1, 2]


def test_the_final_answer_is_the_same_to_the_byte(client):
    first = client.post("/api/transform", json=BODY, headers=KEY)
    second = client.post("/api/transform", content=b'{ "entityType" : "users" }', headers=KEY)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert first.headers["X-Correlation-Id"] != second.headers["X-Correlation-Id"]


def test_a_failure_is_the_same_to_the_byte(running, service):
    _, client = running()
    client.post("/api/jobs", json=BODY)
    path = "/api/transform"
    client.post(path, json=BODY, headers={**KEY, "Prefer": "wait=0"})
    service.fail("job-2", Failure("LG401", "StatementFailed", "division by zero", "Mend it."))

    first, second = (client.post(path, json=BODY, headers=KEY) for _ in range(2))

    assert first.status_code == 424
    assert first.content == second.content


def test_another_body_under_the_same_key_is_refused(client, service):
    client.post("/api/transform", json=BODY, headers=KEY)

    response = client.post("/api/transform", json={**BODY, "again": True}, headers=KEY)

    assert (response.status_code, response.json()["code"]) == (422, "LG702")
    assert len(service.jobs()) == 1


def test_a_key_counts_within_its_route_and_caller(running, service):
    _, client = running(wait_seconds=0, token="correct-horse")

    client.post("/api/transform", json=BODY, headers=KEY)
    client.post("/api/jobs", json=BODY, headers=KEY)
    client.post("/api/jobs", json=BODY, headers={**KEY, "Authorization": "Bearer correct-horse"})

    scopes = [key.scope for _, _, key in service.calls]
    assert scopes == ["loopback POST /api/transform", "loopback POST /api/jobs", "token POST /api/jobs"]
    assert len(service.jobs()) == 3


def test_the_drafts_quotes_mean_nothing(client, service):
    client.post("/api/transform", json=BODY, headers={"Idempotency-Key": "k-51"})
    client.post("/api/transform", json=BODY, headers={"Idempotency-Key": '"k-51"'})

    assert [key.key for _, _, key in service.calls] == ["k-51", "k-51"]


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 256, b"\xc3\xa4", "\x07"])
@pytest.mark.parametrize("path", ["/api/transform", "/api/jobs"])
def test_a_key_that_cannot_be_one_is_refused(client, service, path, key):
    response = client.post(path, json=BODY, headers=[("Idempotency-Key", key)])

    assert (response.status_code, response.json()["code"]) == (400, "LG804")
    assert service.calls == []


def test_two_keys_are_refused(client):
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]

    assert client.post("/api/jobs", json=BODY, headers=headers).status_code == 400


def test_a_key_of_the_greatest_length_is_fine(client):
    assert client.post("/api/transform", json=BODY, headers={"Idempotency-Key": "~" * 255}).status_code == 200


def test_records_under_the_same_key_are_transformed_once(client, service):
    first, second = (client.post("/api/transform", json=RECORDS, headers=KEY) for _ in range(2))

    assert first.status_code == 200
    assert first.content == second.content
    assert len(service.calls) == 1


def test_other_records_under_the_same_key_are_refused(client):
    client.post("/api/transform", json=RECORDS, headers=KEY)

    response = client.post("/api/transform", json={**RECORDS, "records": []}, headers=KEY)

    assert (response.status_code, response.json()["code"]) == (422, "LG702")


def test_records_under_a_key_that_is_in_flight_join_it(running, service):
    _, client = running()
    begun, go_on = threading.Event(), threading.Event()
    transform = service.transform_records

    def slow(entity, records):
        answer = Future()

        def end():
            assert go_on.wait(20)
            answer.set_result(transform(entity, records).result())

        threading.Thread(target=end).start()
        begun.set()
        return answer

    service.transform_records = slow
    responses = []
    threads = [
        threading.Thread(target=lambda: responses.append(client.post("/api/transform", json=RECORDS, headers=KEY)))
        for _ in range(2)
    ]
    threads[0].start()
    assert begun.wait(20)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(20)

    assert len(service.calls) == 1
    assert responses[0].content == responses[1].content


def test_records_that_failed_are_tried_anew_under_their_key(client, service):
    service.fails_with = RuntimeError()
    assert client.post("/api/transform", json=RECORDS, headers=KEY).status_code == 500
    service.fails_with = None

    assert client.post("/api/transform", json=RECORDS, headers=KEY).status_code == 200


@pytest.mark.parametrize(("first", "second"), [(BODY, RECORDS), (RECORDS, BODY)])
def test_a_key_of_one_form_of_the_request_is_refused_with_the_other(client, service, first, second):
    before = client.post("/api/transform", json=first, headers=KEY)
    calls = len(service.calls)

    refused = client.post("/api/transform", json=second, headers=KEY)
    again = client.post("/api/transform", json=first, headers=KEY)

    assert (before.status_code, refused.status_code, refused.json()["code"]) == (200, 422, "LG702")
    assert (again.status_code, again.content) == (200, before.content)
    assert [call for call in service.calls[calls:] if call[0] == "users"] == []
